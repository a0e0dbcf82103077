"""Who stands behind a bundle: SSH signatures over the bytes of its manifest, made and checked by `ssh-keygen -Y`.

A signature says who, never that it is true. It lies beside the bundle (`NAME.tar.gz.sig`), not in it.
"""

from kit.signing.ssh import (
    MAX_SIGNATURE_BYTES,
    NAMESPACE,
    SUFFIX,
    Outcome,
    SignatureCheck,
    Signer,
    check_signature,
    read_signature,
    sign,
    signature_beside,
    verified_signer,
)

__all__ = [
    "MAX_SIGNATURE_BYTES",
    "NAMESPACE",
    "SUFFIX",
    "Outcome",
    "SignatureCheck",
    "Signer",
    "check_signature",
    "read_signature",
    "sign",
    "signature_beside",
    "verified_signer",
]
