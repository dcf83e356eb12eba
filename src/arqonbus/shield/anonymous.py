"""No authentication: every peer is the same anonymous principal."""

from arqonbus.model.principal import ANONYMOUS, Principal


class AnonymousAuthenticator:
    """Lets everyone in. The preflight allows it on loopback outside profile prod only."""

    def authenticate(self, token: str | None) -> Principal:
        """The anonymous principal; a token is not looked at, so nothing in it is believed."""
        del token
        return ANONYMOUS
