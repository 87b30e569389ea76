"""Files of requests and of their answers, in any size.

`places` opens them, here or by fsspec. `kinds` tells them apart. `bounded`, `json_lines`, `csv_rows` and `parquet` read
requests one by one; `reading` numbers and hashes them. `rows` says how answers are written, `journal` keeps them whole
when the program is killed, and `beside` names the files beside an output.
"""
