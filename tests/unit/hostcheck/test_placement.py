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
"""A provider behind HTTP, and each way in which it can fail."""

from collections.abc import Iterator
import socket

from oslo_config import cfg
import pytest

from nova_ext import exception
from nova_ext.hostcheck import placement
from nova_ext.hostcheck import trait
from tests.unit.hostcheck import placement_service

PATH = placement_service.PATH
NEW = '/traits/' + trait.TRAIT


@pytest.fixture
def service() -> Iterator[placement_service.Service]:
    """A placement service."""
    with placement_service.serve() as found:
        yield found


def make(
    port: int, uuid: str = placement_service.UUID, auth: str | None = 'none'
) -> placement.PlacementProvider:
    conf = cfg.ConfigOpts()
    placement.register_opts(conf)
    conf([], project='nova', default_config_files=[])
    conf.set_override('auth_type', auth, group='placement')
    conf.set_override(
        'endpoint_override', 'http://127.0.0.1:%d' % port, group='placement'
    )
    return placement.PlacementProvider(placement.connect(conf), uuid)


def test_the_trait_is_given_and_taken(
    service: placement_service.Service,
) -> None:
    provider = make(service.port)
    assert trait.update(provider, True) == trait.Change(False, True)
    assert service.traits == [trait.TRAIT, 'HW_CPU_X86_VMX']
    assert trait.update(provider, False) == trait.Change(True, False)
    assert service.traits == ['HW_CPU_X86_VMX']
    assert service.microversions == {'placement 1.6'}


def test_a_conflict_is_tried_again(service: placement_service.Service) -> None:
    service.faults['PUT', PATH] = (409, {'errors': []})
    trait.update(make(service.port), True)
    assert service.asked == [
        ('GET', PATH),
        ('PUT', NEW),
        ('PUT', PATH),
        ('GET', PATH),
        ('PUT', PATH),
    ]


@pytest.mark.parametrize(
    'request_, answer, said',
    [
        (('GET', PATH), (401, ''), 'GET %s with 401' % PATH),
        (('GET', PATH), (404, {}), 'placement has no resource provider 4e8e'),
        (('GET', PATH), (200, 'a proxy'), "something else .*: 'a proxy'"),
        (('GET', PATH), (200, {'traits': []}), 'something else than traits'),
        (('GET', PATH), (200, [1]), 'something else than traits'),
        (('PUT', NEW), (403, {'errors': 'no'}), '403: .*no'),
        (('PUT', PATH), (503, 'busy'), 'PUT %s with 503: busy' % PATH),
    ],
)
def test_an_answer_that_is_no_success(
    service: placement_service.Service,
    request_: tuple[str, str],
    answer: tuple[int, object],
    said: str,
) -> None:
    service.faults[request_] = answer
    with pytest.raises(exception.HostTraitFailed, match=said) as caught:
        trait.update(make(service.port), True)
    assert str(caught.value).startswith('The trait of this host was not ')
    assert service.traits == ['HW_CPU_X86_VMX']


def test_nobody_listens() -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        exception.HostTraitFailed, match='placement cannot be asked: '
    ):
        trait.update(make(port), True)


def test_no_credentials() -> None:
    with pytest.raises(
        exception.HostTraitFailed, match='auth_type is not set: name the nova'
    ):
        make(1, auth=None)


@pytest.mark.parametrize('auth', ['no such plug-in', 'password'])
def test_credentials_that_do_not_do(auth: str) -> None:
    with pytest.raises(exception.HostTraitFailed, match='placement'):
        make(1, auth=auth).traits()
