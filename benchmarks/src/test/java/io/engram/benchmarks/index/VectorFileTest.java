package io.engram.benchmarks.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VectorFileTest {
    private static final float[][] VECTORS = {{1, 2, 3}, {-4, 0.5f, 6}};

    @TempDir
    Path directory;

    private Path write(String name, byte[] bytes, int length) throws IOException {
        return Files.write(directory.resolve(name), java.util.Arrays.copyOf(bytes, length));
    }

    private static byte[] fvecs() {
        ByteBuffer out = ByteBuffer.allocate(2 * 16).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] vector : VECTORS) {
            out.putInt(3);
            for (float component : vector) {
                out.putFloat(component);
            }
        }
        return out.array();
    }

    private static byte[] bin(int count) {
        ByteBuffer out = ByteBuffer.allocate(8 + count * 12).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(count).putInt(3);
        for (int i = 0; i < count; i++) {
            for (float component : VECTORS[i % 2]) {
                out.putFloat(component);
            }
        }
        return out.array();
    }

    @Test
    void shouldReadEachKind() throws IOException {
        assertThat(VectorFile.read(write("a.fvecs", fvecs(), 32))).isDeepEqualTo(VECTORS);
        assertThat(VectorFile.read(write("a.bin", bin(2), 32))).isDeepEqualTo(VECTORS);
        assertThat(VectorFile.read(write("a.fbin", bin(2), 32))).isDeepEqualTo(VECTORS);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write("{\"embedding\":\"AACAPwAAAEAAAEBA\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(VectorFile.read(write("a.jsonl.gz", bytes.toByteArray(), bytes.size())))
                .isDeepEqualTo(new float[][] {{1, 2, 3}});
    }

    @Test
    void shouldSayWhatIsWrong() throws IOException {
        Path shortened = write("short.fvecs", fvecs(), 30);
        assertThatIOException()
                .isThrownBy(() -> VectorFile.read(shortened))
                .withMessage(shortened + ": ends in the middle of a vector");
        Path cut = write("cut.bin", bin(2), 31);
        assertThatIOException().isThrownBy(() -> VectorFile.read(cut)).withMessageContaining("in the middle");
        Path other = write("a.txt", new byte[] {1}, 1);
        assertThatIOException().isThrownBy(() -> VectorFile.read(other)).withMessageContaining(".fvecs, .fbin, .bin");
        Path absurd = write("absurd.fvecs", new byte[] {0, 0, 0, 1}, 4);
        assertThatIOException().isThrownBy(() -> VectorFile.read(absurd)).withMessageContaining("16777216 dimensions");
        Path empty = write("empty.fvecs", new byte[0], 0);
        assertThatIOException().isThrownBy(() -> VectorFile.read(empty)).withMessageContaining("no vectors");
    }

    @Test
    void shouldTakeQueriesFromTheVectorsWhenThereAreNoOthers() throws IOException {
        VectorSet set = VectorSet.of(write("many.bin", bin(500), 8 + 500 * 12), Optional.empty());
        assertThat(set.base()).hasNumberOfRows(300);
        assertThat(set.queries()).hasNumberOfRows(200);
        Path few = write("few.bin", bin(2), 32);
        assertThatIOException()
                .isThrownBy(() -> VectorSet.of(few, Optional.empty()))
                .withMessageContaining("use --queries");
    }
}
