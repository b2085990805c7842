"""Changes of the site's tables of which no file of a bundle tells: what pages and reports read beside the figures."""

from __future__ import annotations


def newest(table: str) -> str:
    """The last row of the sealed wave; the demonstration has others, which are not sealed."""
    wave = "(select id from wave where code = 'sipas-2025')"
    return f"where rowid = (select max(rowid) from {table} where wave_id = {wave})"


IN_TABLES = {
    "two units' figures exchanged": "update figure set unit_code = case unit_code when '98-S01' then '98-S13' "
    "else '98-S01' end where unit_code in ('98-S01', '98-S13')",
    "exact figures made official": "update figure set is_official = not is_official",
    "figures of another level": "update figure set level_of = 'x' where position = 4",
    "a rehearsal made real": "update wave set kind = case kind when 'real' then 'rehearsal' else 'real' end",
    "the period": "update wave set period_to = '2030-01-01'",
    "the last day": "update wave set closes = '2030-01-01 00:00:00.000000'",
    "the settings": "update wave set settings = json_set(settings, '$.block', 99)",
    "the decisions of the wave": "update wave set documents = '[]'",
    "the seed of the draw": "update draw set seed = seed + 1",
    "the digest of the draw": "update draw set digest = 'x'",
    "descriptions": "update description set content = replace(content, '1', '2') where position = 0",
    "descriptions deleted": "delete from description",
    "what respondents said of themselves": "delete from facts where id in (select id from facts limit 40)",
    "the program's version": "update run set code_version = '9'",
    "who computed": "update run set made_by = 'x'",
    "when it was computed": "update run set made_at = '2030-01-01 00:00:00.000000'",
    "who sealed": "update seal set sealed_by = 'x'",
    "when it was sealed": "update seal set sealed_at = '2030-01-01 00:00:00.000000'",
    "who proposed": "update release set proposed_by = 'x'",
    "who signed": "update account set email = 'x' where id in (select account_id from approval) and rowid = "
    "(select min(rowid) from account where id in (select account_id from approval))",
    "the agency of a signature": "update approval set agency = agency || 'x'",
    "a complaint put in": "insert into complaint (id, release_id, unit_code, code, text, filed_at, filed_by) "
    "select randomblob(16), id, '98-S01', 'c', 't', released_at, 'x' from release limit 1",
    "counts of the field work": f"update cell_count set number = number + 1 {newest('cell_count')}",
    "completed forms": f"update tally set completed = completed + 1 {newest('tally')}",
    "forms of a day": f"update day_count set completed = completed + 1 {newest('day_count')}",
    "people who were the wrong ones": f"update class_cell set wrong_person = wrong_person + 1 {newest('class_cell')}",
    "a unit's name": "update unit set name_vi = name_vi || 'x' where code = '98-S01'",
    "a unit rated no more": "update unit set rated = 0 where code = '98-S01'",
    "a unit's target": f"update wave_unit set target = target + 1 {newest('wave_unit')}",
    "a row that is no JSON": "update figure set row = '{' where position = 5",
    "an answer that is no JSON": "update answer set items = 'x' where id = (select id from answer limit 1)",
}
