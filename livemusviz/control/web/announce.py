"""Announces the OSCQuery tree on the network, by zeroconf (`_oscjson._tcp`, and `_osc._udp` for the port itself).

Only for a show that listens to the network. Runs on the web thread.
"""

from __future__ import annotations

import asyncio
import socket

from livemusviz.control.oscquery import Where


class Announcement:
    """Announces from `start` to `close`."""

    def __init__(self, where: Where, bound: str) -> None:
        """bound : the address the servers are bound to; 0.0.0.0 is announced with every address of the machine."""
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        ours = _addresses(bound)
        self._zeroconf = AsyncZeroconf(interfaces=ours)
        self._telling: list[asyncio.Future[None]] = []
        host = socket.gethostname().split(".")[0]
        addresses = [socket.inet_aton(address) for address in ours]
        self._services = [
            AsyncServiceInfo(
                kind, f"{where.name}.{kind}", addresses=addresses, port=port, properties={"txtvers": "1"},
                server=f"{host}-livemusviz-{where.http_port}.local.",
            )
            for kind, port in (("_oscjson._tcp.local.", where.http_port), ("_osc._udp.local.", where.osc_port))
        ]  # fmt: skip

    async def start(self) -> None:
        for service in self._services:
            told = await self._zeroconf.async_register_service(service, allow_name_change=True)
            self._telling.append(asyncio.ensure_future(told))  # sent several times within about a second

    async def close(self) -> None:
        for told in self._telling:
            told.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._zeroconf.async_unregister_all_services()
        await self._zeroconf.async_close()


def _addresses(bound: str) -> list[str]:
    if bound != "0.0.0.0":  # noqa: S104
        return [bound]
    import ifaddr

    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [ip for ip in found if not ip.startswith("127.")] or found
