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
"""A server's bounds, and the flavors that may have them.

The rules and texts are those of the earlier system's flavor checks, which
existing templates rely on; one rule is gone, that a scalable flavor may have
one NUMA node only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nova_ext import exception

#: Spellings of the minimum, which mean the same.
MIN_VCPUS_KEYS = ('hw:wrs:min_vcpus', 'wrs:min_vcpus')


@dataclass(frozen=True)
class Bounds:
    """How many vCPUs a server may have online: both ends inclusive."""

    minimum: int
    maximum: int

    @property
    def scalable(self) -> bool:
        """Whether there is anything between the ends."""
        return self.minimum < self.maximum

    def __contains__(self, count: object) -> bool:
        return isinstance(count, int) and self.minimum <= count <= self.maximum


def wants_scaling(extra_specs: Mapping[str, str]) -> bool:
    """Return whether a flavor asks for scaling, and so for the channel."""
    return any(key in extra_specs for key in MIN_VCPUS_KEYS)


def image_properties(system_metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of the image that an instance was made from.

    Nova keeps them under a prefix (``nova.utils.SM_IMAGE_PROP_PREFIX``).
    """
    prefix = 'image_'
    return {
        key[len(prefix) :]: value
        for key, value in system_metadata.items()
        if key.startswith(prefix)
    }


def bounds_of(
    extra_specs: Mapping[str, str],
    vcpus: int,
    properties: Mapping[str, str] | None = None,
) -> Bounds:
    """Return the bounds of a server with this flavor and image.

    A flavor without a minimum, or with one that :func:`check_flavor` refuses,
    is not scalable: both ends are its vCPUs.

    :param vcpus: the flavor's vCPUs, which are the maximum.
    :param properties: those of the image.
    """
    if not wants_scaling(extra_specs):
        return Bounds(vcpus, vcpus)
    try:
        check_flavor(extra_specs, vcpus, properties)
    except exception.FlavorInvalid:
        return Bounds(vcpus, vcpus)
    return Bounds(_minimum(extra_specs)[1], vcpus)


def check_flavor(
    extra_specs: Mapping[str, str],
    vcpus: int,
    image_properties: Mapping[str, str] | None = None,
) -> None:
    """Check that a flavor that asks for scaling can work.

    A flavor without a minimum always passes.

    :param image_properties: those of the image to boot, if one is known; its
        thread policy counts where the flavor has none.
    :raises exception.FlavorInvalid: a value is wrong by itself (400).
    :raises exception.FlavorConflict: two keys contradict each other (409).
    """
    if not wants_scaling(extra_specs):
        return
    key, minimum = _minimum(extra_specs)
    if minimum < 1:
        raise exception.FlavorInvalid(
            reason='%s must be greater than or equal to 1' % key
        )
    if minimum > vcpus:
        raise exception.FlavorConflict(
            reason='%s must be less than or equal to the flavor vcpus value '
            'of %d' % (key, vcpus)
        )
    if extra_specs.get('hw:cpu_policy') != 'dedicated':
        raise exception.FlavorConflict(
            reason='%s is only valid when hw:cpu_policy is dedicated.' % key
        )
    _check_threads(key, extra_specs, image_properties or {})


def _check_threads(
    key: str, extra_specs: Mapping[str, str], properties: Mapping[str, str]
) -> None:
    for name, policy in (
        ('hw:cpu_thread_policy', extra_specs.get('hw:cpu_thread_policy')),
        ('hw_cpu_thread_policy', properties.get('hw_cpu_thread_policy')),
    ):
        if policy == 'require':
            raise exception.FlavorConflict(
                reason='Cannot set %(name)s to require if %(key)s is set. '
                'Either unset %(name)s, set it to another policy, or unset '
                '%(key)s' % {'name': name, 'key': key}
            )


def _minimum(extra_specs: Mapping[str, str]) -> tuple[str, int]:
    given = {
        key: str(extra_specs[key])
        for key in MIN_VCPUS_KEYS
        if key in extra_specs
    }
    if len(set(given.values())) > 1:
        raise exception.FlavorConflict(
            reason='%s mean the same but have different values: keep one of '
            'them'
            % ' and '.join(
                '%s=%s' % (key, value) for key, value in given.items()
            )
        )
    key, text = next(iter(given.items()))
    try:
        return key, int(text)
    except ValueError:
        raise exception.FlavorInvalid(
            reason='%s must be an integer, not %r' % (key, text)
        ) from None
