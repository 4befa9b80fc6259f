package io.engram.app.query;

import io.engram.app.net.Endpoint;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongPredicate;
import org.apache.kafka.streams.state.HostInfo;

/**
 * Calls from instance to instance. They carry a header by which the other knows to answer by itself and not to pass it on
 * again, and the shared secret when there is one. Thread-safe.
 */
public final class Peers {
    /** Marks a call from another instance. */
    public static final String HOP_HEADER = "Engram-Hop";

    /** A 404 with it is a standby's: the active copy may know better. */
    public static final String UNSURE_HEADER = "Engram-Unsure";

    /** Says of an answer to another instance whether something is missing in it. */
    public static final String PARTIAL_HEADER = "Engram-Partial";

    private static final String AUTHORIZATION = "Authorization";
    private static final String BEARER = "Bearer ";

    private final String scheme;
    private final Optional<String> secret;
    private final HttpClient http;

    /**
     * @param scheme of all instances' URLs
     * @param secret shared by all instances; empty for none
     * @param connectTimeoutMs milliseconds
     */
    public Peers(String scheme, Optional<String> secret, long connectTimeoutMs) {
        this.scheme = scheme;
        this.secret = secret;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofMillis(connectTimeoutMs))
                .build();
    }

    /** There is no room here for what another instance answers. */
    public static final class NoRoomException extends IOException {
        private static final long serialVersionUID = 1L;

        NoRoomException() {
            super("no room for the answer of another instance");
        }
    }

    /**
     * A request to another instance.
     *
     * @param accept the media type that it should answer with
     */
    public record Call(String method, String path, byte[] body, String accept) {
        private static final String JSON = "application/json";

        public static Call get(String path) {
            return new Call("GET", path, new byte[0], JSON);
        }

        public static Call post(String path, byte[] json) {
            return post(path, json, JSON);
        }

        public static Call post(String path, byte[] json, String accept) {
            return new Call("POST", path, json, accept);
        }
    }

    /**
     * Calls another instance.
     *
     * @param room is asked for so many bytes of the answer as it comes, and says whether there is room for them
     * @throws IOException when it does not answer in time
     * @throws NoRoomException when there is no room for its answer
     */
    public HttpResponse<byte[]> call(HostInfo host, Call call, long timeoutMs, LongPredicate room)
            throws IOException, InterruptedException {
        // A request's own timeout ends with its headers; a peer may freeze after them.
        CompletableFuture<HttpResponse<byte[]>> answer = callAsync(host, call, timeoutMs, room);
        try {
            return answer.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new HttpTimeoutException(host + " did not answer within " + timeoutMs + " ms");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        } finally {
            answer.cancel(true);
        }
    }

    /** Calls another instance without waiting for it. */
    public CompletableFuture<HttpResponse<byte[]>> callAsync(
            HostInfo host, Call call, long timeoutMs, LongPredicate room) {
        try {
            return http.sendAsync(request(host, call, timeoutMs), head -> new BoundedBody(room));
        } catch (UnknownHostException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private HttpRequest request(HostInfo host, Call call, long timeoutMs) throws UnknownHostException {
        Endpoint peer = new Endpoint(scheme, host.host(), host.port(), "");
        HttpRequest.Builder request = HttpRequest.newBuilder(peer.uri(call.path()))
                .timeout(Duration.ofMillis(Math.max(1, timeoutMs)))
                .header(HOP_HEADER, "1")
                .header("Accept", call.accept())
                .method(
                        call.method(),
                        call.body().length == 0
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofByteArray(call.body()));
        if (call.body().length > 0) {
            request.header("Content-Type", "application/json");
        }
        secret.ifPresent(shared -> request.header(AUTHORIZATION, BEARER + shared));
        return request.build();
    }

    /** A path segment, escaped. */
    public static String segment(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** True when a call that says it comes from an instance may be believed. */
    public boolean isAuthentic(Optional<String> authorization) {
        return secret.isEmpty()
                || MessageDigest.isEqual(
                        (BEARER + secret.get()).getBytes(StandardCharsets.UTF_8),
                        authorization.orElse("").getBytes(StandardCharsets.UTF_8));
    }
}
