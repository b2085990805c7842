"""An importer of another office's making: it knows the JSON Schema and the layout of the import table, nothing of us.

    python tests/studies/importer.py RESULTS

Reads `scores.json` by its schema and `scores.xlsx` by its headings, and holds the one against the other: every line of
the table that carries survey points must be the official row of its unit and code. Prints what it took; 1 when they
differ.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import python_calamine

CODE, MAX, SURVEY, VALID, UNIT = "Mã TC/TCTP", "Điểm tối đa", "Điểm điều tra XHH", "Số phiếu hợp lệ", "Mã đơn vị"


def main(folder: Path) -> int:
    told = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    schema = json.loads((folder / told["schema"]).read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(told)
    official = {
        (row["unit"], row["code"]): row
        for row in told["rows"]
        if row["is_official"] == "yes" and row["level_of"] in ("criterion", "component") and row["source"] == "survey"
    }
    head, *lines = (
        python_calamine.CalamineWorkbook.from_path(str(folder / "scores.xlsx")).get_sheet_by_index(0).to_python()
    )
    faults, taken = [], 0
    for number, line in enumerate(lines, start=2):
        cell = dict(zip(head, line, strict=True))
        if not isinstance(cell[CODE], str) or not isinstance(cell[UNIT], str):
            faults.append(f"row {number}: a code is not text")
        if cell[SURVEY] == "":
            continue
        row = official.get((cell[UNIT], cell[CODE]))
        if row is None or row["points"] is None:
            faults.append(f"row {number}: {cell[UNIT]} {cell[CODE]} is not in scores.json")
            continue
        taken += 1
        if Decimal(str(cell[SURVEY])) != Decimal(row["points"]) or int(cell[VALID]) != int(row["n_valid"]):
            faults.append(f"row {number}: {cell[SURVEY]} is not {row['points']}")
        if Decimal(str(cell[SURVEY])) > Decimal(str(cell[MAX])):
            faults.append(f"row {number}: more points than the maximum")
    listed = {(line[head.index(UNIT)], line[head.index(CODE)]) for line in lines}
    lost = {key for key, row in official.items() if row["level_of"] == "component" and row["points"]} - listed
    faults += [f"{unit} {code} is not in the table" for unit, code in sorted(lost)]
    print(json.dumps({"rows": len(told["rows"]), "lines": len(lines), "taken": taken, "faults": faults[:5]}))
    return 1 if faults or not taken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
