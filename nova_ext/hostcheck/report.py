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
"""What the checks found, for people and for programs."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
import json
import textwrap
from typing import Any

from nova_ext.hostcheck import catalog
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import trait

_WIDTH = 79


@dataclass(frozen=True)
class TraitReport:
    """What became of the trait.

    :ivar change: none if it failed.
    :ivar problem: why, else empty.
    """

    change: trait.Change | None
    problem: str = ''


@dataclass(frozen=True)
class Report:
    """Everything that one run found and did.

    :ivar trait: none if it was not asked for.
    """

    findings: Sequence[findings.Finding]
    trait: TraitReport | None = None

    @property
    def passes(self) -> bool:
        """Whether the host keeps what a real-time flavor promises."""
        return catalog.passes(self.findings)


def as_json(report: Report) -> str:
    """The report as one JSON object."""
    shown: dict[str, Any] = {
        'passes': report.passes,
        'checks': [_check(finding) for finding in report.findings],
    }
    if report.trait is not None:
        change = report.trait.change
        shown['trait'] = {
            'name': trait.TRAIT,
            'before': change.before if change else None,
            'after': change.after if change else None,
            'problem': report.trait.problem,
        }
    return json.dumps(shown, indent=2)


def _check(finding: findings.Finding) -> dict[str, object]:
    check = finding.check
    return {
        'name': check.name,
        'title': check.title,
        'required': check.required,
        'result': finding.result.value,
        'accepted': finding.accepted,
        'found': finding.found,
        'wanted': check.wanted,
        'why': check.why,
        'fix': check.fix,
    }


def as_text(report: Report) -> str:
    """The report for people."""
    lines = [line for finding in report.findings for line in _lines(finding)]
    lines.append(_verdict(report))
    if report.trait is not None:
        lines.append(_trait(report.trait))
    return '\n'.join(lines)


def _lines(finding: findings.Finding) -> Iterator[str]:
    check = finding.check
    accepted = ', accepted' if finding.accepted else ''
    yield '%s (%s): %s%s' % (
        check.title,
        check.name,
        finding.result.value.upper(),
        accepted,
    )
    yield from _paragraph('found', finding.found)
    yield from _paragraph('wanted', check.wanted)
    yield from _paragraph('why', check.why)
    if finding.result is not findings.Result.PASSED:
        yield from _paragraph('fix', check.fix)
    yield ''


def _paragraph(title: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent='  %-8s' % (title + ':'),
        subsequent_indent=' ' * 10,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _verdict(report: Report) -> str:
    blocking = [each.check.name for each in report.findings if each.blocks]
    if blocking:
        return 'This host does not pass: %s.' % ', '.join(blocking)
    remarks = [each.check.name for each in report.findings if each.remarkable]
    if remarks:
        return 'This host passes, with remarks: %s.' % ', '.join(remarks)
    return 'This host passes.'


def _trait(found: TraitReport) -> str:
    if found.change is None:
        return found.problem
    if found.change.before == found.change.after:
        state = 'has' if found.change.after else 'does not have'
        return 'The resource provider %s the trait %s, as before.' % (
            state,
            trait.TRAIT,
        )
    done = 'given to' if found.change.after else 'taken from'
    return 'The trait %s was %s the resource provider.' % (trait.TRAIT, done)
