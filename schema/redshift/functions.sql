-- Redshift's functions that the engine calls otherwise, or not at all. Made anew at each start.
CREATE OR REPLACE MACRO stroma_dialect.divisor(x) AS CASE WHEN x = 0 THEN error('division by zero') ELSE x END;
CREATE OR REPLACE MACRO stroma_dialect.pg_cancel_backend(process) AS
    stroma_end_session(CAST(process AS BIGINT), getvariable('stroma_session'), CAST(0 AS BIGINT));
CREATE OR REPLACE MACRO stroma_dialect.pg_terminate_backend(process) AS
    stroma_end_session(CAST(process AS BIGINT), getvariable('stroma_session'), CAST(1 AS BIGINT));
CREATE OR REPLACE MACRO stroma_dialect.getdate() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP);
CREATE OR REPLACE MACRO stroma_dialect.timeofday() AS strftime(now(), '%a %b %d %H:%M:%S.%f %Y UTC');
CREATE OR REPLACE MACRO stroma_dialect.len(s) AS CASE WHEN typeof(s) = 'BLOB'
    THEN system.main.octet_length(TRY_CAST(CAST(s AS VARCHAR) AS BLOB)) ELSE length(CAST(s AS VARCHAR)) END;
CREATE OR REPLACE MACRO stroma_dialect.textlen(s) AS length(CAST(s AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.charindex(part, s) AS strpos(s, part);
CREATE OR REPLACE MACRO stroma_dialect.concat(a, b) AS CAST(a AS VARCHAR) || CAST(b AS VARCHAR);
CREATE OR REPLACE MACRO stroma_dialect.lpad(s, n) AS system.main.lpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), ' '),
    (s, n, filling) AS system.main.lpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), filling);
CREATE OR REPLACE MACRO stroma_dialect.rpad(s, n) AS system.main.rpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), ' '),
    (s, n, filling) AS system.main.rpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), filling);
-- Signs before the first are counted, and aren't there.
CREATE OR REPLACE MACRO stroma_dialect.substring(s, start) AS
    system.main.substring(CAST(s AS VARCHAR), greatest(CAST(start AS BIGINT), 1)),
    (s, start, n) AS system.main.substring(CAST(s AS VARCHAR), greatest(CAST(start AS BIGINT), 1),
    greatest(CAST(start AS BIGINT) + CAST(n AS BIGINT), 1) - greatest(CAST(start AS BIGINT), 1));
CREATE OR REPLACE MACRO stroma_dialect.substr(s, start) AS stroma_dialect.substring(s, start),
    (s, start, n) AS stroma_dialect.substring(s, start, n);
CREATE OR REPLACE MACRO stroma_dialect.bttext_pattern_cmp(a, b) AS
    CASE WHEN encode(a) < encode(b) THEN -1 WHEN a = b THEN 0 WHEN a IS NOT NULL AND b IS NOT NULL THEN 1 END;
CREATE OR REPLACE MACRO stroma_dialect.bpcharcmp(a, b) AS
    stroma_dialect.bttext_pattern_cmp(rtrim(a), rtrim(b));
CREATE OR REPLACE MACRO stroma_dialect.octetindex(part, s) AS
    CASE WHEN strpos(s, part) = 0 THEN 0 ELSE strlen(left(s, strpos(s, part) - 1)) + 1 END;
-- Codes of letters after Russell and Odell; of a run of one code its first letter counts.
CREATE OR REPLACE MACRO stroma_dialect.stroma_sounds(letters) AS
    left(letters, 1) || substr(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(regexp_replace(translate(letters, 'AEIOUYHWBFPVCGJKQSXZDTLMNR',
    '00000000111122222222334556'), '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'),
    '5+', '5', 'g'), '6+', '6', 'g'), 2);
CREATE OR REPLACE MACRO stroma_dialect.soundex(s) AS CASE WHEN regexp_matches(s, '[A-Za-z]')
    THEN left(replace(stroma_dialect.stroma_sounds(upper(regexp_replace(s, '[^A-Za-z]', '', 'g'))),
    '0', '') || '000', 4) WHEN s IS NOT NULL THEN '' END;
CREATE OR REPLACE MACRO stroma_dialect.difference(a, b) AS CASE
    WHEN stroma_dialect.soundex(a) = '' OR stroma_dialect.soundex(b) = '' THEN 0
    ELSE CAST(list_sum(list_transform([1, 2, 3, 4], lambda i: CASE WHEN substr(stroma_dialect.soundex(a), i, 1)
    = substr(stroma_dialect.soundex(b), i, 1) THEN 1 ELSE 0 END)) AS INTEGER) END;
CREATE OR REPLACE MACRO stroma_dialect.text_to_int_alt(s) AS CAST(s AS BIGINT),
    (s, how) AS CAST(s AS BIGINT);
CREATE OR REPLACE MACRO stroma_dialect.hll(x) AS count(DISTINCT x);
CREATE OR REPLACE MACRO stroma_dialect.btrim(s) AS trim(s), (s, letters) AS trim(s, letters);
-- Of VARBYTE its bytes; the engine's text of them has signs of its own.
CREATE OR REPLACE MACRO stroma_dialect.octet_length(s) AS CASE WHEN typeof(s) = 'BLOB'
    THEN system.main.octet_length(TRY_CAST(CAST(s AS VARCHAR) AS BLOB)) ELSE strlen(CAST(s AS VARCHAR)) END;
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
    list_concat(['0'], string_split(CASE WHEN base = 16 THEN regexp_replace(lower(ltrim(s, '+-')), '^0x', '')
    ELSE lower(ltrim(s, '+-')) END, '')),
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
-- 'NEWZONE +2', 'GMT-2', '+2:30': hours west of Greenwich, as POSIX has it. Null: a zone's name.
CREATE OR REPLACE MACRO stroma_dialect.stroma_west(zone) AS
    CASE WHEN regexp_full_match(zone, '[A-Za-z]* *[+-][0-9]{1,2}(:[0-9]{2})?') THEN to_minutes(CAST(
        (CASE WHEN contains(zone, '-') THEN -1 ELSE 1 END)
        * (CAST(regexp_extract(zone, '[+-]([0-9]+)', 1) AS INTEGER) * 60
           + CAST('0' || regexp_extract(zone, ':([0-9]+)', 1) AS INTEGER)) AS INTEGER)) END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_zone(zone) AS
    CASE WHEN stroma_dialect.stroma_west(zone) IS NULL THEN zone ELSE 'UTC' END;
CREATE OR REPLACE MACRO stroma_dialect.convert_timezone(zone, moment) AS
    timezone(stroma_dialect.stroma_zone(zone), timezone('UTC', CAST(moment AS TIMESTAMP)))
    - coalesce(stroma_dialect.stroma_west(zone), INTERVAL 0 DAY),
    (source, target, moment) AS timezone(stroma_dialect.stroma_zone(target),
    timezone(stroma_dialect.stroma_zone(source), CAST(moment AS TIMESTAMP)
    + coalesce(stroma_dialect.stroma_west(source), INTERVAL 0 DAY)))
    - coalesce(stroma_dialect.stroma_west(target), INTERVAL 0 DAY);
-- Without forms for each type: an aggregate's isn't known when a form is chosen.
CREATE OR REPLACE MACRO stroma_dialect.stroma_moment(m) AS
    coalesce(TRY_CAST(m AS TIMESTAMP), DATE '1900-01-01' + TRY_CAST(m AS TIME), CAST(m AS TIMESTAMP));
CREATE OR REPLACE MACRO stroma_dialect.stroma_later_moment(m, span) AS CAST(m AS TIMESTAMP) + span;
CREATE OR REPLACE MACRO stroma_dialect.stroma_later
    (m TIMESTAMP, span) AS m + span, (m VARCHAR, span) AS CAST(m AS TIMESTAMP) + span,
    (m TIME, span) AS m + span;
-- A day past its month's end is one of the next month.
CREATE OR REPLACE MACRO stroma_dialect.stroma_lenient_day(y, m, d) AS
    make_date(CAST(y AS INTEGER), CAST(m AS INTEGER), 1) + (CAST(d AS INTEGER) - 1);
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
CREATE OR REPLACE MACRO stroma_dialect.stroma_compare(a, b) AS
    CASE WHEN a < b THEN -1 WHEN a > b THEN 1 WHEN a = b THEN 0 END;
CREATE OR REPLACE MACRO stroma_dialect.date_cmp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS DATE), CAST(b AS DATE));
CREATE OR REPLACE MACRO stroma_dialect.timestamp_cmp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP));
CREATE OR REPLACE MACRO stroma_dialect.date_cmp_timestamp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP));
CREATE OR REPLACE MACRO stroma_dialect.timestamp_cmp_date(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP));
CREATE OR REPLACE MACRO stroma_dialect.timestamptz_cmp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMPTZ), CAST(b AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO stroma_dialect.timestamptz_cmp_date(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMPTZ), CAST(b AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO stroma_dialect.timestamptz_cmp_timestamp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMPTZ), CAST(b AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO stroma_dialect.timestamp_cmp_timestamptz(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMPTZ), CAST(b AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO stroma_dialect.date_cmp_timestamptz(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS TIMESTAMPTZ), CAST(b AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO stroma_dialect.interval_cmp(a, b) AS
    stroma_dialect.stroma_compare(CAST(a AS INTERVAL), CAST(b AS INTERVAL));
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
CREATE OR REPLACE MACRO stroma_dialect.can_json_parse(s) AS json_valid(CAST(s AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.json_size(j) AS strlen(CAST(j AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.array_concat(a, b) AS
    to_json(list_concat(CAST(a AS JSON[]), CAST(b AS JSON[])));
CREATE OR REPLACE MACRO stroma_dialect.array_flatten(a) AS
    to_json(flatten(list_transform(CAST(a AS JSON[]),
    lambda e: CASE WHEN json_type(e) = 'ARRAY' THEN CAST(e AS JSON[]) ELSE [e] END)));
CREATE OR REPLACE MACRO stroma_dialect.split_to_array(s) AS to_json(string_split(s, ',')),
    (s, separator) AS to_json(string_split(s, separator));
CREATE OR REPLACE MACRO stroma_dialect.subarray(a, start, n) AS
    to_json(list_slice(CAST(a AS JSON[]), start + 1, start + n));
CREATE OR REPLACE MACRO stroma_dialect.array_contains(a, e) AS
    list_contains(CAST(a AS JSON[]), to_json(e));
CREATE OR REPLACE MACRO stroma_dialect.array_position(a, e) AS
    coalesce(list_position(CAST(a AS JSON[]), to_json(e)) - 1, -1);
-- An array's elements as texts, null too, and back.
CREATE OR REPLACE MACRO stroma_dialect.stroma_elements(a) AS
    list_transform(CAST(a AS JSON[]), lambda e: coalesce(CAST(e AS VARCHAR), 'null'));
CREATE OR REPLACE MACRO stroma_dialect.stroma_array(l) AS
    CAST('[' || array_to_string(l, ',') || ']' AS JSON);
-- Each element where it first stands.
CREATE OR REPLACE MACRO stroma_dialect.stroma_once(l) AS
    list_filter(l, lambda e, n: list_position(l, e) = n);
CREATE OR REPLACE MACRO stroma_dialect.array_distinct(a) AS stroma_dialect.stroma_array(
    stroma_dialect.stroma_once(stroma_dialect.stroma_elements(a)));
-- Whether an element stands in a list up to its place more often than in another.
CREATE OR REPLACE MACRO stroma_dialect.stroma_exceeds(l, e, n, other) AS
    system.main.len(list_filter(list_slice(l, 1, n), lambda x: x = e))
        > system.main.len(list_filter(other, lambda x: x = e));
CREATE OR REPLACE MACRO stroma_dialect.stroma_except(l, other) AS CASE WHEN other IS NOT NULL
    THEN list_filter(l, lambda e, n: stroma_dialect.stroma_exceeds(l, e, n, other)) END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_intersection(l, other) AS CASE WHEN other IS NOT NULL
    THEN list_filter(l, lambda e, n: NOT stroma_dialect.stroma_exceeds(l, e, n, other)) END;
CREATE OR REPLACE MACRO stroma_dialect.array_except(a, b) AS stroma_dialect.stroma_array(
        stroma_dialect.stroma_except(stroma_dialect.stroma_elements(a), stroma_dialect.stroma_elements(b))),
    (a, b, once) AS CASE WHEN once THEN stroma_dialect.stroma_array(list_filter(
        stroma_dialect.stroma_once(stroma_dialect.stroma_elements(a)),
        lambda e: NOT list_contains(stroma_dialect.stroma_elements(b), e)))
        ELSE stroma_dialect.stroma_array(stroma_dialect.stroma_except(
            stroma_dialect.stroma_elements(a), stroma_dialect.stroma_elements(b))) END;
CREATE OR REPLACE MACRO stroma_dialect.array_intersection(a, b) AS stroma_dialect.stroma_array(
        stroma_dialect.stroma_intersection(stroma_dialect.stroma_elements(a), stroma_dialect.stroma_elements(b))),
    (a, b, once) AS CASE WHEN once THEN stroma_dialect.stroma_array(list_filter(
        stroma_dialect.stroma_once(stroma_dialect.stroma_elements(a)),
        lambda e: list_contains(stroma_dialect.stroma_elements(b), e)))
        ELSE stroma_dialect.stroma_array(stroma_dialect.stroma_intersection(
            stroma_dialect.stroma_elements(a), stroma_dialect.stroma_elements(b))) END;
CREATE OR REPLACE MACRO stroma_dialect.arrays_overlap(a, b) AS
    list_has_any(stroma_dialect.stroma_elements(a), stroma_dialect.stroma_elements(b));
CREATE OR REPLACE MACRO stroma_dialect.array_positions(a, e) AS to_json(list_filter(
    range(system.main.len(CAST(a AS JSON[]))), lambda n: CAST(a AS JSON[])[n + 1] = to_json(e)));
CREATE OR REPLACE MACRO stroma_dialect.is_integer(j) AS
    json_type(j) IN ('UBIGINT', 'BIGINT') AND TRY_CAST(j AS BIGINT) BETWEEN -2147483648 AND 2147483647;
CREATE OR REPLACE MACRO stroma_dialect.is_smallint(j) AS
    json_type(j) IN ('UBIGINT', 'BIGINT') AND TRY_CAST(j AS BIGINT) BETWEEN -32768 AND 32767;
CREATE OR REPLACE MACRO stroma_dialect.is_bigint(j) AS json_type(j) IN ('UBIGINT', 'BIGINT');
CREATE OR REPLACE MACRO stroma_dialect.is_decimal(j) AS json_type(j) IN ('UBIGINT', 'BIGINT', 'DOUBLE');
CREATE OR REPLACE MACRO stroma_dialect.is_boolean(j) AS json_type(j) = 'BOOLEAN';
CREATE OR REPLACE MACRO stroma_dialect.is_varchar(j) AS json_type(j) = 'VARCHAR';
CREATE OR REPLACE MACRO stroma_dialect.is_char(j) AS json_type(j) = 'VARCHAR';
CREATE OR REPLACE MACRO stroma_dialect.is_scalar(j) AS
    json_type(j) IN ('UBIGINT', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'VARCHAR');
CREATE OR REPLACE MACRO stroma_dialect.is_array(j) AS json_type(j) = 'ARRAY';
CREATE OR REPLACE MACRO stroma_dialect.is_object(j) AS json_type(j) = 'OBJECT';
CREATE OR REPLACE MACRO stroma_dialect.regexp_count(s, pattern) AS
    CAST(length(regexp_extract_all(s, pattern)) AS INTEGER),
    (s, pattern, start) AS CAST(length(regexp_extract_all(substr(s, start), pattern)) AS INTEGER);
CREATE OR REPLACE MACRO stroma_dialect.regexp_substr(s, pattern) AS regexp_extract(s, pattern),
    (s, pattern, start) AS regexp_extract(substr(s, start), pattern),
    (s, pattern, start, n) AS coalesce(regexp_extract_all(substr(s, start), pattern)[n], ''),
    (s, pattern, start, n, part) AS
    coalesce(regexp_extract_all(substr(s, start), pattern, part)[n], '');
-- Where the nth match begins: behind n pieces between matches and n - 1 matches.
CREATE OR REPLACE MACRO stroma_dialect.stroma_match_at(s, pattern, start, n) AS
    CASE WHEN length(regexp_extract_all(substr(s, start), pattern)) < n THEN 0 ELSE CAST(start
    + coalesce(list_sum(list_transform(list_slice(regexp_split_to_array(substr(s, start), pattern), 1, n),
        lambda piece: length(piece))), 0)
    + coalesce(list_sum(list_transform(list_slice(regexp_extract_all(substr(s, start), pattern), 1, n - 1),
        lambda piece: length(piece))), 0) AS INTEGER) END;
CREATE OR REPLACE MACRO stroma_dialect.regexp_instr(s, pattern) AS
    stroma_dialect.stroma_match_at(s, pattern, 1, 1),
    (s, pattern, start) AS stroma_dialect.stroma_match_at(s, pattern, start, 1),
    (s, pattern, start, n) AS stroma_dialect.stroma_match_at(s, pattern, start, n),
    (s, pattern, start, n, behind) AS CASE
        WHEN behind = 0 OR length(regexp_extract_all(substr(s, start), pattern)) < n
        THEN stroma_dialect.stroma_match_at(s, pattern, start, n)
        ELSE stroma_dialect.stroma_match_at(s, pattern, start, n)
             + length(regexp_extract_all(substr(s, start), pattern)[n]) END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_roman(n) AS
    CASE WHEN n BETWEEN 1 AND 3999 THEN
    ['', 'M', 'MM', 'MMM'][n // 1000 + 1]
    || ['', 'C', 'CC', 'CCC', 'CD', 'D', 'DC', 'DCC', 'DCCC', 'CM'][n // 100 % 10 + 1]
    || ['', 'X', 'XX', 'XXX', 'XL', 'L', 'LX', 'LXX', 'LXXX', 'XC'][n // 10 % 10 + 1]
    || ['', 'I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX'][n % 10 + 1]
    WHEN n IS NOT NULL THEN '###############' END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_ordinal(n) AS
    CASE WHEN n // 10 % 10 = 1 THEN 'th' WHEN n % 10 = 1 THEN 'st' WHEN n % 10 = 2 THEN 'nd'
         WHEN n % 10 = 3 THEN 'rd' ELSE 'th' END;
CREATE OR REPLACE MACRO stroma_dialect.stroma_bytes(s) AS
    list_transform(range(0, strlen(s)), lambda i: CAST(
    (strpos('0123456789ABCDEF', substr(hex(encode(s)), 2 * i + 1, 1)) - 1) * 16
    + strpos('0123456789ABCDEF', substr(hex(encode(s)), 2 * i + 2, 1)) - 1 AS BIGINT));
-- CRC-32C, as Redshift has it.
CREATE OR REPLACE MACRO stroma_dialect.crc32(s) AS CASE WHEN s IS NOT NULL THEN format('{:08x}', CAST(xor(list_reduce(
    list_concat([CAST(4294967295 AS BIGINT)], stroma_dialect.stroma_bytes(CAST(s AS VARCHAR))),
    lambda c, b: list_reduce([xor(c, b), 0, 0, 0, 0, 0, 0, 0, 0],
        lambda a, z: xor(a >> 1, (a & 1) * 2197175160))), 4294967295) AS BIGINT)) END;
-- Hashes of a value of any type, by its text and its type; FNV_HASH is FNV-1a of 64 bits.
CREATE OR REPLACE MACRO stroma_dialect.fnv_hash
    (x) AS stroma_fnv_of(CAST(x AS VARCHAR), typeof(x), ''),
    (x, seed) AS stroma_fnv_of(CAST(x AS VARCHAR), typeof(x), CAST(seed AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.murmur3_32_hash
    (x) AS CAST(stroma_murmur_of(CAST(x AS VARCHAR), typeof(x), '') AS INTEGER),
    (x, seed) AS CAST(stroma_murmur_of(CAST(x AS VARCHAR), typeof(x), CAST(seed AS VARCHAR)) AS INTEGER);
CREATE OR REPLACE MACRO stroma_dialect.farmfingerprint64(x) AS
    stroma_farm_of(CAST(x AS VARCHAR), typeof(x));
CREATE OR REPLACE MACRO stroma_dialect.sha2(x, bits) AS
    stroma_sha2_of(CAST(x AS VARCHAR), typeof(x), CAST(bits AS VARCHAR));
CREATE OR REPLACE MACRO stroma_dialect.bit_and_agg(x) AS bit_and(x);
CREATE OR REPLACE MACRO stroma_dialect.boolxor(a, b) AS (a <> b);
CREATE OR REPLACE MACRO stroma_dialect.stroma_octets(b) AS
    list_transform(range(system.main.octet_length(CAST(b AS BLOB))), lambda n:
        CAST('0x' || system.main.substr(hex(CAST(b AS BLOB)), 2 * n + 1, 2) AS INTEGER));
-- VARBYTE. Texts are UTF-8; a form is named as in Redshift.
CREATE OR REPLACE MACRO stroma_dialect.to_varbyte(s, form) AS CASE lower(form)
    WHEN 'hex' THEN from_hex(s) WHEN 'utf8' THEN encode(s) WHEN 'utf-8' THEN encode(s)
    WHEN 'base64' THEN from_base64(s) WHEN 'binary' THEN from_binary(s)
    ELSE error('to_varbyte knows the forms binary, base64, hex and utf8, not ' || form) END;
CREATE OR REPLACE MACRO stroma_dialect.try_to_varbyte(s, form) AS CASE lower(form)
    WHEN 'hex' THEN try(from_hex(s)) WHEN 'utf8' THEN encode(s) WHEN 'utf-8' THEN encode(s)
    WHEN 'base64' THEN try(from_base64(s)) WHEN 'binary' THEN try(from_binary(s)) END;
CREATE OR REPLACE MACRO stroma_dialect.from_varbyte(b, form) AS CASE lower(form)
    WHEN 'hex' THEN lower(hex(CAST(b AS BLOB))) WHEN 'utf8' THEN decode(CAST(b AS BLOB))
    WHEN 'utf-8' THEN decode(CAST(b AS BLOB)) WHEN 'base64' THEN to_base64(CAST(b AS BLOB))
    WHEN 'binary' THEN array_to_string(list_transform(stroma_dialect.stroma_octets(b),
        lambda o: lpad(bin(o), 8, '0')), '')
    ELSE error('from_varbyte knows the forms binary, base64, hex and utf8, not ' || form) END;
-- Bits are numbered from the last byte's lowest.
CREATE OR REPLACE MACRO stroma_dialect.getbit(b, n) AS
    CASE WHEN n < 0 OR n >= 8 * system.main.octet_length(CAST(b AS BLOB)) THEN error('getbit: there is no bit ' || n)
    ELSE CAST((stroma_dialect.stroma_octets(b)[system.main.octet_length(CAST(b AS BLOB)) - n // 8] >> (n % 8)) & 1 AS INTEGER) END;
CREATE OR REPLACE MACRO stroma_dialect.json_serialize_to_varbyte(j) AS encode(CAST(j AS VARCHAR));
-- Functions of SUPER.
CREATE OR REPLACE MACRO stroma_dialect.is_float(j) AS json_type(j) = 'DOUBLE';
CREATE OR REPLACE MACRO stroma_dialect.square(x) AS x * x;
CREATE OR REPLACE MACRO stroma_dialect.get_number_attributes(j) AS
    CAST(system.main.len(json_keys(j)) AS INTEGER);
