"""The warnings that a test may give. No imports, so that a filter naming one costs nothing."""


class PushgatewayWarning(UserWarning):
    """The base of all warnings of pytest-pushgateway."""


class RejectedPushWarning(PushgatewayWarning):
    """A push was answered with an error, or reached no group; no fault asked for that and no assertion expected it."""


class UselessDeleteWarning(PushgatewayWarning):
    """A DELETE matched no group, and was answered 202 all the same, as the original does; or it was refused."""


class LostPushWarning(PushgatewayWarning):
    """A push removed metrics that an earlier push of the same test had put into the same group."""


class PoisonedGatewayWarning(PushgatewayWarning):
    """What the gateway holds contradicts itself: it refuses every push until a group is deleted."""


class UnusedFaultWarning(PushgatewayWarning):
    """A fault met no request, or fewer than ``times``."""


class LintWarning(PushgatewayWarning):
    """With the option ``lint``: a problem in what was pushed."""
