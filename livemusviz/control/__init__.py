"""Turns the messages of controllers into checked events, on threads of its own."""
