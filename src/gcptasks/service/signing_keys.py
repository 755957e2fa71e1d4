"""The verbs for the key that tokens are signed with."""

from gcptasks.store.tx import Tx


def signing_key(tx: Tx) -> str | None:
    """The private key, as PEM; None while there is none."""
    return tx.signing_keys.get()


def keep_signing_key(tx: Tx, pem: str) -> str:
    """The private key from now on: this one, if no other process was faster."""
    tx.signing_keys.add(pem)
    kept = tx.signing_keys.get()
    assert kept is not None
    return kept
