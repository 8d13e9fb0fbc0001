import { DataType, tableFromIPC, type Vector } from "apache-arrow";

/** What a panel works on: one value a cell (or gene), as typed arrays. */
export type Column = CategoryColumn | NumberColumn | TextColumn;

export interface CategoryColumn {
  kind: "category";
  name: string;
  /** Index into `labels`, -1 where missing. */
  codes: Int32Array;
  labels: string[];
}

export interface NumberColumn {
  kind: "number";
  name: string;
  /** NaN where missing. */
  values: Float32Array | Float64Array;
}

export interface TextColumn {
  kind: "text";
  name: string;
  values: (string | null)[];
}

/** The columns of an Arrow IPC body, in its order. */
export function readColumns(body: ArrayBuffer): Column[] {
  const table = tableFromIPC(new Uint8Array(body));
  return table.schema.fields.map((field, at) => {
    const vector = table.getChildAt(at);
    if (!vector) throw new Error(`column ${field.name} has no data`);
    return readColumn(field.name, vector);
  });
}

function readColumn(name: string, vector: Vector): Column {
  const type = vector.type;
  if (DataType.isDictionary(type)) return readDictionary(name, vector);
  if (DataType.isBool(type)) {
    const codes = new Int32Array(vector.length);
    for (let at = 0; at < vector.length; at++) {
      const value = vector.get(at);
      codes[at] = value === null ? -1 : Number(value);
    }
    return { kind: "category", name, codes, labels: ["false", "true"] };
  }
  if (DataType.isInt(type) || DataType.isFloat(type)) return readNumbers(name, vector);
  const values = Array.from({ length: vector.length }, (_, at) => {
    const value: unknown = vector.get(at);
    return value === null || value === undefined ? null : String(value);
  });
  return { kind: "text", name, values };
}

type Numbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array |
  Int32Array | Uint32Array;

const isNumbers = (values: unknown): values is Numbers => ArrayBuffer.isView(values) &&
  !(values instanceof DataView || values instanceof BigInt64Array || values instanceof BigUint64Array);

/** Calls `put` with the places of the nulls among `length` values: the bits that are 0. */
function eachNull(bitmap: Uint8Array, offset: number, length: number, put: (at: number) => void): void {
  for (let at = 0; at < length; at++) {
    const bit = offset + at;
    if ((bitmap[bit >> 3] & (1 << (bit & 7))) === 0) put(at);
  }
}

function readDictionary(name: string, vector: Vector): CategoryColumn {
  const codes = new Int32Array(vector.length);
  let labels: string[] = [];
  let start = 0;
  for (const data of vector.data) {
    const first = start;
    const indices: unknown = data.values;
    if (isNumbers(indices)) codes.set(indices.subarray(0, data.length), first);
    else
      for (let at = 0; at < data.length; at++) codes[first + at] = Number((indices as BigInt64Array)[at]);
    if (data.nullCount > 0)
      eachNull(data.nullBitmap as Uint8Array, data.offset, data.length,
        (at) => { codes[first + at] = -1; });
    start += data.length;
    const dictionary = data.dictionary as Vector | undefined;
    if (dictionary)
      labels = Array.from({ length: dictionary.length }, (_, at) => String(dictionary.get(at)));
  }
  return { kind: "category", name, codes, labels };
}

function readNumbers(name: string, vector: Vector): NumberColumn {
  const whole = vector.data.length === 1 && vector.nullCount === 0 ? vector.data[0].values : null;
  if (whole instanceof Float32Array || whole instanceof Float64Array)
    return { kind: "number", name, values: whole.subarray(0, vector.length) };
  const values = new Float64Array(vector.length);
  let start = 0;
  for (const data of vector.data) {
    const first = start;
    const told: unknown = data.values;
    // Of 16-bit floats and dates the reader itself makes numbers.
    const isPlain = isNumbers(told) && !(told instanceof Uint16Array && DataType.isFloat(vector.type));
    if (isPlain) values.set(told.subarray(0, data.length), first);
    else
      for (let at = 0; at < data.length; at++) values[first + at] = Number(vector.get(first + at));
    if (data.nullCount > 0)
      eachNull(data.nullBitmap as Uint8Array, data.offset, data.length,
        (at) => { values[first + at] = Number.NaN; });
    start += data.length;
  }
  return { kind: "number", name, values };
}
