"""How a bundle travels: to a results folder, a git branch or an OCI registry, and back, byte for byte.

    places.py      what a destination or a source means, from its text
    web.py         HTTP with every bound that there is: bytes, time, redirects, where a password may go
    login.py       who one is at a registry: Docker's configuration, its credential helpers, bearer tokens
    artifact.py    the documents of an OCI artifact: manifest, signature, list of referrers
    registry.py    what is asked of an OCI registry
    oci.py         a bundle as an artifact, its signature as a referrer
    git.py         git with fixed arguments; nothing is checked out, no filter and no hook runs
    branch.py      a results folder on a branch: read, added to, pushed again if somebody was faster
    fetching.py    whatever lies behind a reference, checked against its digests

What comes from outside is only ever an archive's or a signature's bytes: verification judges them afterwards.
"""
