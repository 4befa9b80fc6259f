package io.engram.app.http;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Invocable;

/**
 * Reads a body as it comes, without a thread that waits for it, and charges what has come to a budget: what was only
 * announced takes nothing from others. Used once, by one request.
 */
final class BodyReader implements Invocable.Task {
    private static final int STEP = 1 << 16;

    private final Request request;
    private final int maxBytes;
    private final Budget.Grant charged;
    private final CompletableFuture<byte[]> body = new CompletableFuture<>();
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** The body has more bytes than are allowed. */
    static final class TooLargeException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /** All bodies together would have more bytes than there is room for. */
    static final class NoRoomException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /**
     * @param maxBytes that the body may have
     * @param charged grows with the body
     */
    BodyReader(Request request, int maxBytes, Budget.Grant charged) {
        this.request = request;
        this.maxBytes = maxBytes;
        this.charged = charged;
    }

    /** Completes with the body, or fails with one of the exceptions here or with what the connection failed with. */
    CompletableFuture<byte[]> read() {
        run();
        return body;
    }

    @Override
    public void run() {
        while (!body.isDone()) {
            Content.Chunk chunk = request.read();
            if (chunk == null) {
                request.demand(this);
                return;
            }
            if (Content.Chunk.isFailure(chunk)) {
                body.completeExceptionally(chunk.getFailure());
                return;
            }
            boolean last = chunk.isLast();
            try {
                append(chunk.getByteBuffer());
            } catch (IOException e) {
                body.completeExceptionally(e);
                return;
            } finally {
                chunk.release();
            }
            if (last) {
                body.complete(bytes.toByteArray());
            }
        }
    }

    private void append(ByteBuffer more) throws IOException {
        charge(charged, bytes.size(), more.remaining(), maxBytes);
        bytes.writeBytes(BufferUtil.toArray(more));
    }

    private static void charge(Budget.Grant charged, int has, int more, int maxBytes) throws IOException {
        if ((long) has + more > maxBytes) {
            throw new TooLargeException();
        }
        if (more > 0 && !charged.grow(more)) {
            throw new NoRoomException();
        }
    }

    @Override
    public InvocationType getInvocationType() {
        return InvocationType.NON_BLOCKING;
    }

    /**
     * Unpacks a body that came with {@code Content-Encoding: gzip}; the limits hold for what comes out.
     *
     * @throws TooLargeException when it unpacks to more than {@code maxBytes}
     * @throws NoRoomException when there is no room for what it unpacks to
     * @throws IOException when it is not gzip
     */
    static byte[] unpacked(byte[] packed, int maxBytes, Budget.Grant charged) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] step = new byte[STEP];
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(packed), STEP)) {
            for (int read = in.read(step); read >= 0; read = in.read(step)) {
                charge(charged, out.size(), read, maxBytes);
                out.write(step, 0, read);
            }
        } catch (EOFException | ZipException e) {
            throw new IOException("not gzip: " + e.getMessage(), e);
        }
        return out.toByteArray();
    }
}
