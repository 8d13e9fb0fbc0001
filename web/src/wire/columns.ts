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

function readDictionary(name: string, vector: Vector): CategoryColumn {
  const codes = new Int32Array(vector.length);
  let labels: string[] = [];
  let start = 0;
  for (const data of vector.data) {
    const indices = data.values as ArrayLike<number | bigint>;
    if (data.nullCount === 0 && indices instanceof Int32Array) {
      codes.set(indices.subarray(0, data.length), start);
    } else {
      for (let at = 0; at < data.length; at++)
        codes[start + at] = data.getValid(at) ? Number(indices[at]) : -1;
    }
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
  for (let at = 0; at < vector.length; at++) {
    const value: unknown = vector.get(at);
    values[at] = value === null ? Number.NaN : Number(value);
  }
  return { kind: "number", name, values };
}
