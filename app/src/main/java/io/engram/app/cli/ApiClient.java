package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.cli.ExitCodes.CommandFailedException;
import io.engram.app.cli.ExitCodes.UnreachableException;
import io.engram.app.net.Endpoint;
import io.engram.schemas.StrictJson;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** An instance's HTTP interface, as the commands use it. Thread-safe. */
public final class ApiClient {
    private static final ObjectMapper MAPPER = StrictJson.MAPPER; // a decimal of 25 digits keeps them

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(3)).build();
    private final Endpoint endpoint;
    private final String url;

    /**
     * @param url of an instance, e.g. {@code http://127.0.0.1:7432}
     * @throws CommandFailedException when it is no URL
     */
    public ApiClient(String url) {
        try {
            this.endpoint = Endpoint.parse(url);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException("--url " + url + " " + e.getMessage());
        }
        this.url = endpoint.url();
    }

    public JsonNode get(String path) throws InterruptedException {
        return send(HttpRequest.newBuilder().GET(), path);
    }

    public JsonNode post(String path, JsonNode body) throws InterruptedException {
        return send(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body.toString())),
                path);
    }

    /** As {@link #post}, for what may take many minutes. */
    public JsonNode postPatiently(String path) throws InterruptedException {
        return send(
                HttpRequest.newBuilder()
                        .timeout(Duration.ofHours(1))
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{}")),
                path);
    }

    private JsonNode send(HttpRequest.Builder request, String path) throws InterruptedException {
        try {
            HttpRequest built = request.uri(endpoint.uri(path)).build();
            if (built.timeout().isEmpty()) {
                built = request.timeout(Duration.ofSeconds(30)).build();
            }
            HttpResponse<String> response = http.send(built, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() >= 300) {
                throw new CommandFailedException(
                        url + path + " answered " + response.statusCode() + detail(response.body()));
            }
            return MAPPER.readTree(response.body());
        } catch (UnknownHostException e) {
            throw new UnreachableException("the host of " + url + " cannot be resolved (--url)");
        } catch (ConnectException e) {
            throw new UnreachableException("nobody answers at " + url + "; is 'engram serve' running? (--url)");
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException("not a URL: " + url + path);
        } catch (IOException e) {
            throw new UnreachableException(url + path + " failed: " + e);
        }
    }

    private static String detail(String body) {
        try {
            return ": " + MAPPER.readTree(body).path("detail").asText(body);
        } catch (IOException e) {
            return ": " + body;
        }
    }
}
