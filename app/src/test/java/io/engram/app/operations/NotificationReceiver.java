package io.engram.app.operations;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Whom Alertmanager notifies, by its webhook. */
final class NotificationReceiver implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final List<JsonNode> received = new CopyOnWriteArrayList<>();
    private final HttpServer server;

    NotificationReceiver() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            received.add(MAPPER.readTree(exchange.getRequestBody()));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/";
    }

    /** Every notification, in order. */
    List<JsonNode> received() {
        return List.copyOf(received);
    }

    /** Names of the alerts that were notified as firing, once for each notification. */
    List<String> firing() {
        return names("firing");
    }

    /** Names of the alerts that were notified as resolved. */
    List<String> resolved() {
        return names("resolved");
    }

    private List<String> names(String status) {
        List<String> names = new ArrayList<>();
        for (JsonNode notification : received) {
            for (JsonNode alert : notification.path("alerts")) {
                if (alert.path("status").asText().equals(status)) {
                    names.add(alert.path("labels").path("alertname").asText());
                }
            }
        }
        return names;
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
