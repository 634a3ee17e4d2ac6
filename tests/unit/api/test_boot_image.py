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
"""The image that a server would boot from, wherever it is named."""

from nova import exception as nova_exception
from nova.image import glance
from nova.volume import cinder
import pytest

from nova_ext.api import boot_image
from tests.unit.api import fakes

IMAGE = 'e9ff3b39-a4a2-4e3c-9a43-8a1ed9d0f5d2'
VOLUME = '0b6a3ab7-6d8b-4d9b-9d0c-0c1d3a4f5e6a'
SNAPSHOT = 'c3b1f3f0-1f0f-4f3e-8f1e-9a8b7c6d5e4f'
MASK = {'hw_cpu_realtime_mask': '^1'}


@pytest.fixture
def images(monkeypatch):
    """Return the answers of glance and cinder, by id."""
    answers = {
        IMAGE: {
            'properties': {'hw_cpu_realtime_mask': '^0', 'a': 7, 'b': None}
        },
        VOLUME: {'bootable': True, 'size': 1, 'volume_image_metadata': MASK},
        SNAPSHOT: {'volume_id': VOLUME},
    }

    def get(self, context, number):
        return answers[number]

    monkeypatch.setattr(glance.API, 'get', get)
    monkeypatch.setattr(cinder.API, 'get', get)
    monkeypatch.setattr(cinder.API, 'get_snapshot', get)
    return boot_image.BootImages()


def device(source, uuid, **more):
    return {
        'source_type': source,
        'uuid': uuid,
        'destination_type': 'volume',
        'boot_index': 0,
        **more,
    }


@pytest.mark.parametrize(
    'server, wanted',
    [
        ({'imageRef': IMAGE}, {'hw_cpu_realtime_mask': '^0', 'a': '7'}),
        ({'block_device_mapping_v2': [device('volume', VOLUME)]}, MASK),
        ({'block_device_mapping_v2': [device('snapshot', SNAPSHOT)]}, MASK),
        (
            {
                'imageRef': '',
                'block_device_mapping_v2': [
                    device('image', IMAGE, volume_size=1)
                ],
            },
            {'hw_cpu_realtime_mask': '^0', 'a': '7'},
        ),
        (
            {
                'block_device_mapping': [
                    {'device_name': 'vda', 'volume_id': VOLUME}
                ]
            },
            MASK,
        ),
        (
            {
                'block_device_mapping_v2': [
                    device('volume', VOLUME, boot_index=1)
                ]
            },
            {},
        ),
        ({}, {}),
        # What Nova answers itself.
        ({'imageRef': 'unknown'}, None),
        ({'imageRef': ['a']}, None),
        ({'block_device_mapping_v2': [device('volume', 'unknown')]}, None),
        ({'block_device_mapping_v2': 7}, None),
    ],
)
def test_to_create(images, server, wanted):
    before = repr(server)
    assert images.to_create(fakes.user(), server) == wanted
    assert repr(server) == before


@pytest.mark.parametrize(
    'rebuild, wanted',
    [
        ({'imageRef': IMAGE}, {'hw_cpu_realtime_mask': '^0', 'a': '7'}),
        ({'imageRef': 'unknown'}, None),
        ({}, None),
    ],
)
def test_to_rebuild(images, rebuild, wanted):
    assert images.to_rebuild(fakes.user(), rebuild) == wanted


def test_glance_is_away(images, monkeypatch):
    def get(self, context, number):
        raise nova_exception.GlanceConnectionFailed(server='g', reason='r')

    monkeypatch.setattr(glance.API, 'get', get)
    assert images.to_create(fakes.user(), {'imageRef': IMAGE}) is None
