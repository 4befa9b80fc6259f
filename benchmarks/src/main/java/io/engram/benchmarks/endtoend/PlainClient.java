package io.engram.benchmarks.endtoend;

import io.engram.schemas.Embeddings;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Recalls over one connection that is kept open, one after the other, on a blocking socket: each request is made before
 * the clock starts and written at once, and of the answer only the head is understood. So little of what is measured is
 * this client, and there is little of it that a young JVM would run slowly; whoever measures first requests has used the
 * class before, against the instance that is restarted. Not thread-safe.
 */
final class PlainClient implements AutoCloseable {
    private static final int TIMEOUT_MS = 30_000;
    private static final int BUFFER_BYTES = 1 << 16;
    private static final byte[] ID = "\"id\":".getBytes(StandardCharsets.US_ASCII);

    private final Socket socket = new Socket();
    private final InputStream in;
    private final String authority;

    /** Connects to the instance at {@code http://host:port}. */
    PlainClient(String url) throws IOException {
        URI uri = URI.create(url);
        authority = uri.getAuthority();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MS);
        socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), TIMEOUT_MS);
        in = new BufferedInputStream(socket.getInputStream(), BUFFER_BYTES);
    }

    /**
     * Recalls back to back.
     *
     * @param k memories that each has to find
     * @return how long each took, from its first byte sent to the last one received, milliseconds
     * @throws BenchmarkException when one of them finds fewer
     */
    List<Double> recalls(Workload workload, String space, int count, int k) throws IOException {
        List<Double> tookMs = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            byte[] request = request(space, workload.query(i), k);
            long start = System.nanoTime();
            socket.getOutputStream().write(request);
            byte[] answer = answer();
            tookMs.add((System.nanoTime() - start) / 1e6);
            int found = occurrences(answer, ID);
            if (found != k) {
                throw new BenchmarkException("a recall found " + found + " memories instead of " + k + ": "
                        + new String(answer, StandardCharsets.UTF_8));
            }
        }
        return tookMs;
    }

    private byte[] request(String space, float[] query, int k) {
        String body = "{\"vector\":\"" + Embeddings.toBase64(query) + "\",\"k\":" + k + "}";
        String head = "POST /v1/spaces/" + space + "/recall HTTP/1.1\r\nHost: " + authority
                + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n";
        return (head + body).getBytes(StandardCharsets.US_ASCII);
    }

    private byte[] answer() throws IOException {
        String status = line();
        int length = -1;
        for (String header = line(); !header.isEmpty(); header = line()) {
            if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                length = Integer.parseInt(
                        header.substring("content-length:".length()).trim());
            }
        }
        if (!status.startsWith("HTTP/1.1 200 ") || length < 0) {
            throw new BenchmarkException("a recall answered " + status + ", content length " + length);
        }
        return in.readNBytes(length);
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new BenchmarkException("the instance closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    private static int occurrences(byte[] text, byte[] wanted) {
        int found = 0;
        for (int at = 0; at + wanted.length <= text.length; at++) {
            int same = 0;
            while (same < wanted.length && text[at + same] == wanted[same]) {
                same++;
            }
            if (same == wanted.length) {
                found++;
            }
        }
        return found;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
