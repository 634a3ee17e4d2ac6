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
"""The answer to ``?dry_run=true``: every blocker, also without a host."""

from nova_ext import exception
from nova_ext.api import views
from nova_ext.model.bounds import Bounds
from nova_ext.model.record import DOWN
from nova_ext.model.record import UP
from nova_ext.scaling import contract
from nova_ext.scaling.contract import Blocker


def unreachable(instance, blockers):
    """Return whether there is no compute host that could be asked."""
    return not instance.host or any(
        isinstance(blocker.error, exception.ComputeDown)
        for blocker in blockers
    )


def no_answer(error):
    """Return the blocker of a host that did not answer the question."""
    return Blocker(
        exception.ScalingRefused(
            reason='What the compute host would say is unknown: it did not '
            'answer (%s).' % type(error).__name__
        ),
        'Ask an administrator to check nova-compute and the message bus, '
        'then ask again.',
    )


def local(instance, target, blockers):
    """Return a plan from what nova-api knows by itself.

    :param blockers: those found so far; the bounds are added.
    """
    scale = views.Scale.of(instance)
    steps = abs(target - scale.current) if target in scale.bounds else 0
    direction = UP if target > scale.current else DOWN
    plan = contract.Plan(
        scale.current,
        target,
        (contract.PlannedStep(direction),) * steps,
        (*blockers, *_limits(scale.bounds, target)),
    )
    return contract.answer_plan(plan)['plan']


def with_remedies(plan, blockers):
    """Return a compute host's plan with nova-api's remedies where it has one.

    Both give a server's state as a reason in the same words; nova-api's
    remedy names the command that changes the state.
    """
    remedies = {str(blocker.error): blocker.remedy for blocker in blockers}
    told = [
        {
            **blocker,
            'remedy': remedies.get(blocker['reason'], blocker['remedy']),
        }
        for blocker in plan['blockers']
    ]
    return {**plan, 'blockers': told}


def _limits(bounds: Bounds, target):
    if target not in bounds:
        yield Blocker(
            exception.CannotScaleBeyondLimits(),
            'Ask for %d to %d online vCPUs, or resize the server to a flavor '
            'with other bounds.' % (bounds.minimum, bounds.maximum),
        )
