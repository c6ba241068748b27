/** The wire format of protocol buffers, as far as an ONNX model needs it: varints, floats, texts, bytes, nested messages. */
export class ProtoWriter {
  #buffer = Buffer.allocUnsafe(128)
  #length = 0

  varint(field: number, value: number): void {
    this.#raw(BigInt(field) << 3n)
    this.#raw(BigInt.asUintN(64, BigInt(value)))
  }

  /** A 32-bit float. */
  float(field: number, value: number): void {
    this.#raw((BigInt(field) << 3n) | 5n)
    this.#reserve(4)
    this.#length = this.#buffer.writeFloatLE(value, this.#length)
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value))
  }

  bytes(field: number, value: Uint8Array): void {
    this.#raw((BigInt(field) << 3n) | 2n)
    this.#raw(BigInt(value.length))
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  message(field: number, write: (proto: ProtoWriter) => void): void {
    const inner = new ProtoWriter()
    write(inner)
    this.bytes(field, inner.finish())
  }

  /** A view that stays valid as long as nothing more is written. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #raw(value: bigint): void {
    this.#reserve(10)
    let rest = value
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}
