# Make .venv and install what a make target needs on Windows: setup.ps1 demo|test|train. See docs/WINDOWS.md.
# $env:EXTRA = "cuda13" chooses an NVIDIA card; $env:PYTHON chooses the interpreter.
param([Parameter(Mandatory = $true)][ValidateSet("demo", "test", "train")][string]$What)
$ErrorActionPreference = "Stop"
Set-Location (Split-Path $PSScriptRoot -Parent)

function Invoke-Checked { # run a program; stop if it fails
    param([string]$Program, [string[]]$Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $Arguments ended with status $LASTEXITCODE" }
}

function Find-Python {
    foreach ($candidate in @($env:PYTHON, "python", "python3")) {
        if (-not $candidate -or -not (Get-Command $candidate -ErrorAction SilentlyContinue)) { continue }
        & $candidate -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>$null
        if ($LASTEXITCODE -eq 0) { return $candidate }
    }
    throw "livemusviz needs Python 3.11 or newer; set PYTHON to the path of python.exe"
}

$extras = @($(if ($env:EXTRA) { $env:EXTRA } else { "cpu" }))
switch ($What) {
    "test" { $extras += "dev", "parity", "midi", "link" }
    "train" { $extras += "dev", "train" }
}

$python = ".venv\Scripts\python.exe"
if (-not (Test-Path $python)) {
    Write-Output "== making .venv"
    Invoke-Checked (Find-Python) @("-m", "venv", ".venv")
}

$wanted = "$((Get-FileHash pyproject.toml).Hash) $($extras -join ',')"
$stamp = ".venv\.installed-$What"
if (-not (Test-Path $stamp) -or (Get-Content $stamp -Raw).Trim() -ne $wanted) {
    Write-Output "== installing Python wheels into .venv ($($extras -join ', '))"
    Invoke-Checked $python @("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".[$($extras -join ',')]")
    Set-Content $stamp $wanted
}
