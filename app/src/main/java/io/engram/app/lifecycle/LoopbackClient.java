package io.engram.app.lifecycle;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Posts JSON over one connection that is kept open, one request after the other, on a blocking socket: of a client library
 * all would have to become warm as well. Not thread-safe.
 */
final class LoopbackClient implements AutoCloseable {
    private static final String LENGTH = "content-length:";
    private static final int MAX_ANSWER_BYTES = 1 << 20;
    private static final int MAX_LINE = 1_000;

    private final Socket socket = new Socket();
    private final InputStream in;

    /**
     * @param url {@code http://host:port}
     * @param timeoutMs for connecting, and for each answer
     */
    LoopbackClient(String url, int timeoutMs) throws IOException {
        URI uri = URI.create(url);
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(timeoutMs);
            socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), timeoutMs);
            in = new BufferedInputStream(socket.getInputStream());
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * The answer's body.
     *
     * @throws IOException when the answer is not a 200 of known length
     */
    byte[] post(String path, String json) throws IOException {
        String head =
                "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                        + json.length() + "\r\n\r\n";
        socket.getOutputStream().write((head + json).getBytes(StandardCharsets.US_ASCII));
        String status = line();
        int length = -1;
        for (String header = line(); !header.isEmpty(); header = line()) {
            if (header.toLowerCase(Locale.ROOT).startsWith(LENGTH)) {
                length = Integer.parseInt(header.substring(LENGTH.length()).trim());
            }
        }
        if (!status.startsWith("HTTP/1.1 200 ") || length < 0 || length > MAX_ANSWER_BYTES) {
            throw new IOException(path + " answered '" + status + "', content length " + length);
        }
        return in.readNBytes(length);
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0 || line.length() > MAX_LINE) {
                throw new EOFException("no whole head of an answer: " + line);
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
