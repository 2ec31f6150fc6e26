// Writes small Parquet files: one row group, plain encoding, no compression, optional columns of doubles and strings.
// The format is that of parquet.apache.org, version 1 pages; its metadata are Thrift's compact protocol.
"use strict";

(() => {
  const I32 = 5, I64 = 6, BINARY = 8, LIST = 9, STRUCT = 12;
  const encoder = new TextEncoder();

  // Bytes that grow.
  class Bytes {
    #parts = [];
    length = 0;
    push(part) {
      const bytes = part instanceof Bytes ? part.join() : part instanceof Uint8Array ? part : Uint8Array.from(part);
      this.#parts.push(bytes);
      this.length += bytes.length;
      return this;
    }
    join() {
      const all = new Uint8Array(this.length);
      let at = 0;
      for (const part of this.#parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    }
  }

  const varint = (value) => {
    const bytes = [];
    let rest = BigInt(value);
    do {
      const low = Number(rest & 127n);
      rest >>= 7n;
      bytes.push(rest ? low | 128 : low);
    } while (rest);
    return bytes;
  };
  const zigzag = (value) => varint(value < 0 ? -2 * value - 1 : 2 * value);
  const little = (value) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];

  // Thrift: a struct is a list of [field, type, value]; a list is {of, items}.
  const thrift = (type, value) => {
    if (type === I32 || type === I64) return zigzag(value);
    if (type === BINARY) {
      const text = encoder.encode(value);
      return new Bytes().push(varint(text.length)).push(text).join();
    }
    const bytes = new Bytes();
    if (type === LIST) {
      const { of, items } = value;
      bytes.push(items.length < 15 ? [(items.length << 4) | of] : [0xf0 | of, ...varint(items.length)]);
      for (const item of items) bytes.push(thrift(of, item));
      return bytes.join();
    }
    let last = 0;
    for (const [field, kind, inner] of value) {
      const step = field - last;
      bytes.push(step < 16 ? [(step << 4) | kind] : [kind, ...zigzag(field)]);
      bytes.push(thrift(kind, inner));
      last = field;
    }
    return bytes.push([0]).join();
  };

  // Which rows have a value: bits, eight a byte, behind their length.
  const definitions = (values) => {
    const groups = Math.ceil(values.length / 8);
    const bits = new Uint8Array(groups);
    values.forEach((value, row) => {
      if (value !== null) bits[row >> 3] |= 1 << (row & 7);
    });
    const run = new Bytes().push(varint((groups << 1) | 1)).push(bits);
    return new Bytes().push(little(run.length)).push(run);
  };

  const plain = (type, values) => {
    const bytes = new Bytes();
    for (const value of values) {
      if (value === null) continue;
      if (type === "double") {
        const one = new DataView(new ArrayBuffer(8));
        one.setFloat64(0, value, true);
        bytes.push(new Uint8Array(one.buffer));
      } else {
        const text = encoder.encode(value);
        bytes.push(little(text.length)).push(text);
      }
    }
    return bytes;
  };

  const DOUBLE = 5, BYTE_ARRAY = 6, OPTIONAL = 1, UTF8 = 0, PLAIN = 0, RLE = 3, UNCOMPRESSED = 0, DATA_PAGE = 0;
  const physical = (column) => (column.type === "double" ? DOUBLE : BYTE_ARRAY);

  const page = (column) => {
    const body = new Bytes().push(definitions(column.values)).push(plain(column.type, column.values)).join();
    const header = thrift(STRUCT, [
      [1, I32, DATA_PAGE],
      [2, I32, body.length],
      [3, I32, body.length],
      [5, STRUCT, [[1, I32, column.values.length], [2, I32, PLAIN], [3, I32, RLE], [4, I32, RLE]]],
    ]);
    return new Bytes().push(header).push(body).join();
  };

  const schemaOf = (column) => [
    [1, I32, physical(column)],
    [3, I32, OPTIONAL],
    [4, BINARY, column.name],
    ...(column.type === "string" ? [[6, I32, UTF8], [10, STRUCT, [[1, STRUCT, []]]]] : []),
  ];

  // columns: [{name, type: "double" | "string", values: numbers, strings or null}], all of one length.
  window.ldpbench.parquet = (columns, notes = {}) => {
    const n_rows = columns[0]?.values.length ?? 0;
    const file = new Bytes().push(encoder.encode("PAR1"));
    const chunks = columns.map((column) => {
      const bytes = page(column);
      const at = file.length;
      file.push(bytes);
      return [
        [2, I64, at],
        [3, STRUCT, [
          [1, I32, physical(column)],
          [2, LIST, { of: I32, items: [PLAIN, RLE] }],
          [3, LIST, { of: BINARY, items: [column.name] }],
          [4, I32, UNCOMPRESSED],
          [5, I64, n_rows],
          [6, I64, bytes.length],
          [7, I64, bytes.length],
          [9, I64, at],
        ]],
      ];
    });
    const total = file.length - 4;
    const footer = thrift(STRUCT, [
      [1, I32, 1],
      [2, LIST, { of: STRUCT, items: [[[4, BINARY, "table"], [5, I32, columns.length]], ...columns.map(schemaOf)] }],
      [3, I64, n_rows],
      [4, LIST, { of: STRUCT, items: n_rows ? [[[1, LIST, { of: STRUCT, items: chunks }], [2, I64, total], [3, I64, n_rows]]] : [] }],
      [5, LIST, { of: STRUCT, items: Object.entries(notes).map(([key, value]) => [[1, BINARY, key], [2, BINARY, value]]) }],
      [6, BINARY, "ldpbench"],
    ]);
    return file.push(footer).push(little(footer.length)).push(encoder.encode("PAR1")).join();
  };
})();
