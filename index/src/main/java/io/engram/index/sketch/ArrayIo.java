package io.engram.index.sketch;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Arrays of primitives as little-endian bytes, a buffer at a time. Not thread-safe. */
final class ArrayIo {
    private static final int BYTES = 64 << 10;

    private final ByteBuffer buffer = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private interface Chunk {
        void move(ByteBuffer buffer, int from, int count);
    }

    void write(OutputStream out, int[] values, int first, int length) throws IOException {
        write(out, length, Integer.BYTES, (to, from, count) -> to.asIntBuffer().put(values, first + from, count));
    }

    void write(OutputStream out, long[] values, int length) throws IOException {
        write(out, values, 0, length);
    }

    void write(OutputStream out, long[] values, int first, int length) throws IOException {
        write(out, length, Long.BYTES, (to, from, count) -> to.asLongBuffer().put(values, first + from, count));
    }

    void write(OutputStream out, float[] values, int length) throws IOException {
        write(out, length, Float.BYTES, (to, from, count) -> to.asFloatBuffer().put(values, from, count));
    }

    private void write(OutputStream out, int length, int width, Chunk chunk) throws IOException {
        int max = BYTES / width;
        for (int from = 0; from < length; from += max) {
            int count = Math.min(max, length - from);
            chunk.move(buffer.clear(), from, count);
            out.write(buffer.array(), 0, count * width);
        }
    }

    void read(InputStream in, int[] values, int first, int length) throws IOException {
        read(
                in,
                length,
                Integer.BYTES,
                (bytes, from, count) -> bytes.asIntBuffer().get(values, first + from, count));
    }

    void read(InputStream in, long[] values, int length) throws IOException {
        read(in, values, 0, length);
    }

    void read(InputStream in, long[] values, int first, int length) throws IOException {
        read(
                in,
                length,
                Long.BYTES,
                (bytes, from, count) -> bytes.asLongBuffer().get(values, first + from, count));
    }

    void read(InputStream in, float[] values, int length) throws IOException {
        read(
                in,
                length,
                Float.BYTES,
                (bytes, from, count) -> bytes.asFloatBuffer().get(values, from, count));
    }

    private void read(InputStream in, int length, int width, Chunk chunk) throws IOException {
        int max = BYTES / width;
        for (int from = 0; from < length; from += max) {
            int count = Math.min(max, length - from);
            if (in.readNBytes(buffer.array(), 0, count * width) < count * width) {
                throw new EOFException();
            }
            chunk.move(buffer.clear(), from, count);
        }
    }
}
