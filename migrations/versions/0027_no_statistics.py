"""PostgreSQL keeps no statistics of marks, links, contacts and sealed words

Its planner's histograms hold values of a column, in a catalogue of their own that no closing of a wave reaches.
Revision 0027, after 0026.
"""

from __future__ import annotations

from collections.abc import Iterator

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

HIDDEN = {
    "spent_mark": "mark",
    "submission": "key_mark body_mark",
    "draft": "mark body",
    "spooled": "id sealed",
    "waiting_receipt": "id sealed",
    "paper_sheet": "mark number_mark sealed first second",
    "assignment": "mark sealed",
    "recontact": "mark sealed",
    "message": "id step_mark sealed reference",
    "invitation": "id dossier_id rater_id code_mark",
    "rater": "id code_mark phone email",
    "sampled_dossier": "dossier_id",
    "dossier": "id code_mark linked_mark person_mark phone email name address",
}


def upgrade() -> None:
    _keep(0)


def downgrade() -> None:
    _keep(-1)  # as many as the server keeps of others


def _keep(values: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _columns():
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STATISTICS {values}')


def _columns() -> Iterator[tuple[str, str]]:
    for table, names in HIDDEN.items():
        for name in names.split():
            yield table, name
