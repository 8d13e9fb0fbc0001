-- Redshift's functions that the engine calls otherwise, or not at all. Made anew at each start.
CREATE OR REPLACE MACRO stroma_dialect.divisor(x) AS CASE WHEN x = 0 THEN error('division by zero') ELSE x END;
CREATE OR REPLACE MACRO stroma_dialect.getdate() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP);
CREATE OR REPLACE MACRO stroma_dialect.timeofday() AS strftime(now(), '%a %b %d %H:%M:%S.%f %Y UTC');
CREATE OR REPLACE MACRO stroma_dialect.len(s) AS length(CAST(s AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.textlen(s) AS length(CAST(s AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.charindex(part, s) AS strpos(s, part);
CREATE OR REPLACE MACRO stroma_dialect.btrim(s) AS trim(s), (s, letters) AS trim(s, letters);
CREATE OR REPLACE MACRO stroma_dialect.octet_length(s) AS strlen(CAST(s AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.replicate(s, n) AS repeat(s, n);
CREATE OR REPLACE MACRO stroma_dialect.quote_ident(s) AS
    CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_$]*') THEN s
         ELSE '"' || replace(s, '"', '""') || '"' END;
CREATE OR REPLACE MACRO stroma_dialect.quote_literal(s) AS '''' || replace(s, '''', '''''') || '''';
CREATE OR REPLACE MACRO stroma_dialect.initcap(s) AS array_to_string(list_transform(
    regexp_extract_all(lower(s), '[[:alnum:]]+|[^[:alnum:]]+'),
    lambda w: upper(left(w, 1)) || substr(w, 2)), '');
CREATE OR REPLACE MACRO stroma_dialect.func_sha1(s) AS sha1(s);
CREATE OR REPLACE MACRO stroma_dialect.sha(s) AS sha1(s);
CREATE OR REPLACE MACRO stroma_dialect.strtol(s, base) AS CAST(list_reduce(list_transform(
    list_concat(['0'], string_split(lower(ltrim(s, '+-')), '')),
    lambda c: CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT)),
    lambda a, b: a * base + b) * CASE WHEN s LIKE '-%' THEN -1 ELSE 1 END AS BIGINT);
CREATE OR REPLACE MACRO stroma_dialect.to_hex(n) AS lower(hex(n));
CREATE OR REPLACE MACRO stroma_dialect.dexp(x) AS exp(x);
CREATE OR REPLACE MACRO stroma_dialect.dlog1(x) AS ln(x);
CREATE OR REPLACE MACRO stroma_dialect.dlog10(x) AS log10(x);
CREATE OR REPLACE MACRO stroma_dialect.dsqrt(x) AS sqrt(x);
CREATE OR REPLACE MACRO stroma_dialect.trunc(x TIMESTAMP) AS CAST(x AS DATE),
    (x DOUBLE) AS system.main.trunc(x), (x, n) AS
    CAST(system.main.trunc(CAST(x AS DECIMAL(38,10)) * pow(10, n)) / pow(10, n) AS DOUBLE);
CREATE OR REPLACE MACRO stroma_dialect.convert_timezone(zone, moment) AS
    timezone(zone, timezone('UTC', CAST(moment AS TIMESTAMP))),
    (source, target, moment) AS timezone(target, timezone(source, CAST(moment AS TIMESTAMP)));
CREATE OR REPLACE MACRO stroma_dialect.last_day(moment) AS system.main.last_day(CAST(moment AS TIMESTAMP));
CREATE OR REPLACE MACRO stroma_dialect.add_months(moment, n) AS
    CASE WHEN CAST(moment AS DATE) = last_day(CAST(moment AS DATE))
         THEN CAST(last_day(CAST(CAST(moment AS TIMESTAMP) + to_months(CAST(n AS INTEGER)) AS DATE))
              AS TIMESTAMP)
         ELSE CAST(moment AS TIMESTAMP) + to_months(CAST(n AS INTEGER)) END;
CREATE OR REPLACE MACRO stroma_dialect.months_between(a, b) AS
    CASE WHEN day(CAST(a AS DATE)) = day(CAST(b AS DATE))
           OR (CAST(a AS DATE) = last_day(CAST(a AS DATE)) AND CAST(b AS DATE) = last_day(CAST(b AS DATE)))
         THEN CAST(date_diff('month', CAST(b AS DATE), CAST(a AS DATE)) AS DOUBLE)
         ELSE date_diff('month', CAST(b AS DATE), CAST(a AS DATE))
              + (day(CAST(a AS DATE)) - day(CAST(b AS DATE))) / 31.0 END;
CREATE OR REPLACE MACRO stroma_dialect.next_day(moment, wanted) AS
    CAST(CAST(moment AS DATE) + CAST((((CASE lower(left(wanted, 2)) WHEN 'su' THEN 0 WHEN 'mo' THEN 1
        WHEN 'tu' THEN 2 WHEN 'we' THEN 3 WHEN 'th' THEN 4 WHEN 'fr' THEN 5 ELSE 6 END)
        - dayofweek(CAST(moment AS DATE)) + 6) % 7) + 1 AS INTEGER) AS DATE);
CREATE OR REPLACE MACRO stroma_dialect.date_part_year(moment) AS year(CAST(moment AS DATE));
CREATE OR REPLACE MACRO stroma_dialect.date_cmp(a, b) AS
    CASE WHEN CAST(a AS DATE) < CAST(b AS DATE) THEN -1
         WHEN CAST(a AS DATE) > CAST(b AS DATE) THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO stroma_dialect.timestamp_cmp(a, b) AS
    CASE WHEN CAST(a AS TIMESTAMP) < CAST(b AS TIMESTAMP) THEN -1
         WHEN CAST(a AS TIMESTAMP) > CAST(b AS TIMESTAMP) THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO stroma_dialect.interval_cmp(a, b) AS
    CASE WHEN a < b THEN -1 WHEN a > b THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO stroma_dialect.json_parse(s) AS CAST(s AS JSON);
CREATE OR REPLACE MACRO stroma_dialect.json_serialize(j) AS CAST(j AS VARCHAR);
CREATE OR REPLACE MACRO stroma_dialect.is_valid_json(s) AS
    coalesce(json_valid(s) AND json_type(s) = 'OBJECT', false);
CREATE OR REPLACE MACRO stroma_dialect.is_valid_json_array(s) AS
    coalesce(json_valid(s) AND json_type(s) = 'ARRAY', false);
CREATE OR REPLACE MACRO stroma_dialect.json_extract_array_element_text(j, n) AS
    json_extract_string(j, '$[' || n || ']'),
    (j, n, lenient) AS CASE WHEN json_valid(j) THEN json_extract_string(j, '$[' || n || ']') END;
CREATE OR REPLACE MACRO stroma_dialect.json_typeof(j) AS
    CASE json_type(j) WHEN 'UBIGINT' THEN 'number' WHEN 'BIGINT' THEN 'number'
        WHEN 'DOUBLE' THEN 'number' WHEN 'VARCHAR' THEN 'string' ELSE lower(json_type(j)) END;
CREATE OR REPLACE MACRO stroma_dialect.get_array_length(j) AS json_array_length(j);
CREATE OR REPLACE MACRO stroma_dialect.is_array(j) AS json_type(j) = 'ARRAY';
CREATE OR REPLACE MACRO stroma_dialect.is_object(j) AS json_type(j) = 'OBJECT';
CREATE OR REPLACE MACRO stroma_dialect.regexp_count(s, pattern) AS
    CAST(length(regexp_extract_all(s, pattern)) AS INTEGER);
CREATE OR REPLACE MACRO stroma_dialect.regexp_substr(s, pattern) AS regexp_extract(s, pattern),
    (s, pattern, start) AS regexp_extract(substr(s, start), pattern),
    (s, pattern, start, n) AS coalesce(regexp_extract_all(substr(s, start), pattern)[n], '');
CREATE OR REPLACE MACRO stroma_dialect.regexp_instr(s, pattern) AS
    CASE WHEN regexp_matches(s, pattern) THEN strpos(s, regexp_extract(s, pattern)) ELSE 0 END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_bytes(s) AS
    list_transform(range(0, strlen(s)), lambda i: CAST(
    (strpos('0123456789ABCDEF', substr(hex(encode(s)), 2 * i + 1, 1)) - 1) * 16
    + strpos('0123456789ABCDEF', substr(hex(encode(s)), 2 * i + 2, 1)) - 1 AS BIGINT));
CREATE OR REPLACE MACRO stroma_dialect.stroma_whole_bytes(n, size) AS
    list_transform(range(0, size), lambda i: (CAST(n AS BIGINT) >> (8 * i)) & 255);
-- CRC-32C, as Redshift has it.
CREATE OR REPLACE MACRO stroma_dialect.crc32(s) AS CASE WHEN s IS NOT NULL THEN format('{:08x}', CAST(xor(list_reduce(
    list_concat([CAST(4294967295 AS BIGINT)], stroma_dialect.stroma_bytes(CAST(s AS VARCHAR))),
    lambda c, b: list_reduce([xor(c, b), 0, 0, 0, 0, 0, 0, 0, 0],
        lambda a, z: xor(a >> 1, (a & 1) * 2197175160))), 4294967295) AS BIGINT)) END;
-- FNV-1a of 64 bits, over the bytes of a value of its type.
CREATE OR REPLACE MACRO stroma_dialect.stroma_fnv(bytes, seed) AS CASE WHEN bytes IS NOT NULL THEN list_transform([list_reduce(
    list_concat([CAST(CASE WHEN seed < 0 THEN CAST(seed AS HUGEINT) + 18446744073709551616
        ELSE CAST(seed AS HUGEINT) END AS UBIGINT)],
        list_transform(bytes, lambda b: CAST(b AS UBIGINT))),
    lambda c, b: CAST((CAST(xor(c, b) AS UHUGEINT) * 1099511628211)
        % CAST(18446744073709551616 AS UHUGEINT) AS UBIGINT))],
    lambda h: CAST(CASE WHEN h >= 9223372036854775808 THEN CAST(h AS HUGEINT) - 18446744073709551616
        ELSE CAST(h AS HUGEINT) END AS BIGINT))[1] END;
CREATE OR REPLACE MACRO stroma_dialect.fnv_hash
    (s VARCHAR) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_bytes(s), -3750763034362895579),
    (n SMALLINT) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 2), -3750763034362895579),
    (n INTEGER) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 4), -3750763034362895579),
    (n BIGINT) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 8), -3750763034362895579),
    (s VARCHAR, seed) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_bytes(s), seed),
    (n SMALLINT, seed) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 2), seed),
    (n INTEGER, seed) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 4), seed),
    (n BIGINT, seed) AS stroma_dialect.stroma_fnv(stroma_dialect.stroma_whole_bytes(n, 8), seed);
CREATE OR REPLACE MACRO stroma_dialect.bit_and_agg(x) AS bit_and(x);
CREATE OR REPLACE MACRO stroma_dialect.boolxor(a, b) AS (a <> b);
