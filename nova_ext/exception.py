#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.
"""Every error of the package once: its text and its HTTP status.

Texts that the earlier system already used are kept word for word, because
existing callers match on them.
"""

from typing import Any


class NovaExtError(Exception):
    """Base of all errors; subclasses set ``msg_fmt`` and ``code``.

    :param kwargs: the values for the fields of ``msg_fmt``.
    """

    msg_fmt = 'An unknown error occurred in nova-ext.'
    #: HTTP status of the answer when the error reaches an API caller.
    code = 500

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs
        super().__init__(self.msg_fmt % kwargs)


def name_of(error: BaseException) -> str:
    """Return an error's name, for people of a project.

    Its text may name hosts and files, and that of an error which came by the
    message bus has a whole traceback.
    """
    return getattr(error, 'exc_type', None) or type(error).__name__


# -- flavors ---------------------------------------------------------------


class FlavorInvalid(NovaExtError):
    """A flavor's extra specs cannot work."""

    msg_fmt = '%(reason)s'
    code = 400


class FlavorConflict(FlavorInvalid):
    """Two extra specs, each valid by itself, contradict each other."""

    code = 409


# -- scaling: refusals, before anything changed ----------------------------


class ScalingRefused(NovaExtError):
    """Base of all refusals: nothing was changed."""

    msg_fmt = '%(reason)s'
    code = 400


class CannotScaleBeyondLimits(ScalingRefused):
    """The target lies outside the server's bounds."""

    msg_fmt = 'When scaling, cannot scale beyond limits!'


class ServerBusy(ScalingRefused):
    """Another operation runs on the server, or its state forbids scaling."""

    msg_fmt = '%(reason)s'
    code = 409


class NotScalable(ScalingRefused):
    """Something about the server rules scaling out."""


class GuestNotListening(ScalingRefused):
    """The guest's end of the channel is closed."""

    msg_fmt = (
        'The guest does not listen on its channel %(port)s: check that '
        'guest_agent runs in the guest.'
    )


class InsufficientResources(ScalingRefused):
    """The host, or placement, has no core to give."""

    msg_fmt = 'Insufficient compute resources: %(reason)s.'


# -- scaling: failures, after which everything was undone ------------------


class ScalingFailed(NovaExtError):
    """A step failed; the earlier steps were undone."""

    msg_fmt = 'Problem scaling instance as requested: %(reason)s'
    code = 400


class StepFailed(ScalingFailed):
    """A step failed in a way that nobody has thought of."""

    msg_fmt = (
        'Problem scaling instance as requested: %(reason)s. The log of '
        'nova-compute has the rest.'
    )
    code = 503


class CannotOfflineCpu(ScalingFailed):
    """The guest chose a vCPU that may not go offline."""

    msg_fmt = 'Cpu %(vcpu)d is already offline or out of range.'


class GuestChoiceRejected(ScalingFailed):
    """The guest chose a vCPU that must stay online."""

    msg_fmt = 'Cpu %(vcpu)d cannot go offline: %(reason)s.'


class GuestSilent(ScalingFailed):
    """The guest's agent did not answer in time."""

    msg_fmt = (
        'The guest did not answer the scale request within %(timeout).1f s: '
        'check that guest_agent and guest_scale_agent run in the guest.'
    )


class GuestRefused(ScalingFailed):
    """The guest's agent answered with a failure."""

    msg_fmt = 'The guest refused the scale request: %(reason)s'


class PlacementFailed(ScalingFailed):
    """The placement service could not be asked."""

    msg_fmt = (
        'The placement service did not take the new allocation (%(reason)s): '
        'try again when it answers.'
    )
    code = 503


class PinningFailed(ScalingFailed):
    """libvirt could not pin a thread."""

    msg_fmt = (
        'libvirt could not pin %(what)s to pCPUs %(pcpus)s: %(reason)s. Try '
        'again; the log of nova-compute has the rest.'
    )
    code = 503


class SchedulingFailed(ScalingFailed):
    """The kernel did not change a thread's scheduling policy."""

    msg_fmt = (
        'The scheduling policy of vCPU %(vcpu)d could not be set to '
        '%(policy)s: %(reason)s. Try again; the log of nova-compute has the '
        'rest.'
    )
    code = 503


class SavingFailed(ScalingFailed):
    """The instance could not be saved."""

    msg_fmt = (
        'The instance could not be saved (%(reason)s): check that '
        'nova-conductor answers, then try again.'
    )
    code = 503


class Interrupted(ScalingFailed):
    """The server was deleted or its state reset while it scaled."""

    msg_fmt = 'The scale request was ended by another operation: %(reason)s'
    code = 409


# -- the guest channel -----------------------------------------------------


class ChannelUnavailable(ScalingFailed):
    """nova-ext-channel on this host cannot be reached."""

    msg_fmt = (
        'The guest channel daemon cannot be reached at %(path)s (%(reason)s): '
        'check that nova-ext-channel runs on this host.'
    )


class ChannelTimeout(NovaExtError):
    """No message arrived before the deadline."""

    msg_fmt = 'No message arrived at %(address)s before the deadline.'


class AddressInUse(NovaExtError):
    """Another local program has bound the address."""

    msg_fmt = (
        'The channel address %(address)s is in use by another program of this '
        'host: stop that program first.'
    )


# -- nova-api asks a compute host ------------------------------------------


class ComputeDown(NovaExtError):
    """Nova's service group says that a server's compute host is down."""

    msg_fmt = (
        'The compute host of server %(server)s is down or cut off; nothing '
        'was changed. Try again when nova-compute of this host is back.'
    )
    code = 503


class Withdrawn(NovaExtError):
    """A request was given up before its compute host began with it."""

    msg_fmt = (
        'The compute host of server %(server)s did not answer in time: the '
        'request was withdrawn, and nothing was changed. Try again when the '
        'host and the message bus are well.'
    )
    code = 503


class ComputeSilent(NovaExtError):
    """A compute host did not answer; it may still act."""

    msg_fmt = (
        'The compute host of server %(server)s did not answer in time. The '
        'request may still run there: see last_request of GET '
        '/servers/%(server)s/vcpu-scale (openstack server scale show), or the '
        "server's events, before you ask again."
    )
    code = 503


class ComputeFailed(NovaExtError):
    """A compute host could not handle a request that reached it, or not."""

    msg_fmt = (
        'The compute host of server %(server)s could not handle the request '
        '(%(reason)s). See last_request of GET /servers/%(server)s/vcpu-scale '
        '(openstack server scale show) for what it did, and its log for why.'
    )
    code = 503


# -- the host check --------------------------------------------------------


class HostTraitFailed(NovaExtError):
    """The trait of real-time hosts could not be set or removed."""

    msg_fmt = 'The trait of this host was not updated: %(reason)s'
    code = 503


# -- resource and consumer plug-ins ----------------------------------------


class PluginError(NovaExtError):
    """Base of what keeps a plug-in from being used."""


class PluginUnknown(PluginError):
    """An option names a plug-in that is not installed."""

    msg_fmt = (
        '[DEFAULT]%(option)s names the plug-in %(name)s, which no installed '
        'package provides (installed: %(known)s). Correct the name, or '
        'install the package into the environment that Nova runs in.'
    )


class PluginConflict(PluginError):
    """Several installed packages register a plug-in of one name."""

    msg_fmt = (
        '[DEFAULT]%(option)s names the plug-in %(name)s, which several '
        'packages provide: %(providers)s. Uninstall all but one, or set '
        '[nova_ext_plugins]on_conflict = first.'
    )


class PluginBroken(PluginError):
    """An installed plug-in cannot be imported, made or taken as it is."""

    msg_fmt = (
        'The plug-in %(name)s of [DEFAULT]%(option)s (%(provider)s) cannot be '
        'used: %(reason)s. Repair or update its package, or take it out of '
        'the option.'
    )


class InformationMissing(NovaExtError):
    """A host's stats lack a key that a consumer reads."""

    msg_fmt = 'the key %(key)s is missing'


class InformationDamaged(NovaExtError):
    """A host's stats have something else where a number should be."""

    msg_fmt = 'the key %(key)s is %(got)s, not %(wanted)s'


class DemandInvalid(NovaExtError):
    """A flavor's extra spec, which a plug-in reads, is not what it takes."""

    msg_fmt = (
        "the extra spec %(key)s is '%(got)s', not %(wanted)s: correct the "
        'flavor'
    )
    code = 400
