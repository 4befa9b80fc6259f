package io.engram.app.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/**
 * The codecs that clients may compress with. Some are native libraries, which are unpacked into the temporary directory on
 * first use: that must not be the first record of a client.
 */
public final class NativeCodecs {
    private static final List<String> CODECS = List.of("gzip", "snappy", "lz4", "zstd");
    private static final byte[] SAMPLE = {1, 2, 3, 4, 5, 6, 7, 8};

    /** A codec cannot be used here. */
    public static final class CodecException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CodecException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private NativeCodecs() {}

    /**
     * Uses each codec once.
     *
     * @throws CodecException when one cannot be used, with what to do
     */
    public static void load() {
        for (String codec : CODECS) {
            try {
                roundTrip(codec);
            } catch (IOException | RuntimeException | LinkageError e) {
                throw new CodecException(
                        "cannot load compression codec " + codec + ": " + root(e)
                                + ". Records that clients compress with it could not be read. Its library is unpacked into the"
                                + " temporary directory " + System.getProperty("java.io.tmpdir")
                                + ", which must be writable and allow execution: set another with"
                                + " ENGRAM_JAVA_OPTS=-Djava.io.tmpdir=…",
                        e);
            }
        }
    }

    private static void roundTrip(String codec) throws IOException {
        Compression compression = Compression.of(codec).build();
        ByteBufferOutputStream packed = new ByteBufferOutputStream(1 << 10);
        try (OutputStream out = compression.wrapForOutput(packed, RecordBatch.MAGIC_VALUE_V2)) {
            out.write(SAMPLE);
        }
        packed.buffer().flip();
        try (InputStream in =
                compression.wrapForInput(packed.buffer(), RecordBatch.MAGIC_VALUE_V2, BufferSupplier.NO_CACHING)) {
            if (in.readNBytes(SAMPLE.length).length != SAMPLE.length) {
                throw new IOException("what was packed cannot be unpacked");
            }
        }
    }

    private static Throwable root(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
