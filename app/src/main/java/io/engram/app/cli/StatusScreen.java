package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** The status as text, at most 80 columns wide and 24 lines high; the one that was asked is the first instance. */
final class StatusScreen {
    private static final int BAR = 20;
    private static final int MAX_INSTANCES = 3;
    private static final int MAX_WORKERS = 4;
    private static final int MAX_SPACES = 4;
    private static final int MAX_REJECTIONS = 2;
    // Lines that the rejections take from workers and spaces each.
    private static final int FOR_REJECTIONS = 2;

    private StatusScreen() {}

    /**
     * @param status answers of {@code /v1/cluster}, {@code /v1/backpressure}, {@code /v1/spaces} and {@code /v1/rejections} by name
     */
    static String render(JsonNode status) {
        StringBuilder out = new StringBuilder();
        List<JsonNode> rejections = list(status.path("rejections").path("rejections"));
        int fewer = rejections.isEmpty() ? 0 : FOR_REJECTIONS;
        List<JsonNode> instances = list(status.path("cluster").path("instances"));
        JsonNode asked = status.path("cluster").path("instances").path(0);
        for (JsonNode instance : first(MAX_INSTANCES, instances)) {
            line(
                    out,
                    "%-32s %-9s %3d active, %d standby, %d loading",
                    shortened(instance.path("url").asText(), 32),
                    instance.path("ready").asBoolean() ? "ready" : "NOT READY",
                    partitions(instance, "active"),
                    partitions(instance, "standby"),
                    partitions(instance, "loading"));
        }
        more(out, instances.size() - MAX_INSTANCES, "instances");
        line(out, "level %s", status.path("backpressure").path("level").asText());
        line(out, "");
        line(out, "%-8s %-11s %11s %11s  %s", "LANE", "LEVEL", "DEPTH", "CAPACITY", "FULL");
        for (JsonNode lane : status.path("backpressure").path("lanes")) {
            long capacity = lane.path("capacity").asLong();
            double full = capacity == 0 ? 0 : (double) lane.path("depth").asLong() / capacity;
            line(
                    out,
                    "%-8s %-11s %,11d %,11d  %s",
                    lane.path("lane").asText(),
                    lane.path("level").asText(),
                    lane.path("depth").asLong(),
                    capacity,
                    bar(full));
        }
        line(out, "");
        line(out, "%-8s %11s  %s", "WORKER", "QUEUED", "BUSY");
        List<JsonNode> workers = list(asked.path("workers"));
        for (JsonNode worker : first(MAX_WORKERS - fewer, workers)) {
            line(
                    out,
                    "%-8s %,11d  %s",
                    worker.path("worker_id").asText(),
                    worker.path("queued").asLong(),
                    bar(worker.path("utilization").asDouble() / 100));
        }
        more(out, workers.size() - MAX_WORKERS + fewer, "workers");
        line(out, "");
        List<JsonNode> spaces = list(status.path("spaces").path("spaces"));
        boolean isCut = status.path("spaces").has("next");
        long memories =
                spaces.stream().mapToLong(space -> space.path("count").asLong()).sum();
        line(
                out,
                "%-40s %12s %6s %5s",
                "SPACE (" + (isCut ? "the first " : "") + spaces.size() + ")",
                String.format(Locale.ROOT, "%,d", memories),
                "DIM",
                "PART");
        spaces.sort(Comparator.comparingLong(space -> -space.path("count").asLong()));
        for (JsonNode space : first(MAX_SPACES - fewer, spaces)) {
            line(
                    out,
                    "%-40s %,12d %6d %5d",
                    shortened(space.path("space").asText(), 40),
                    space.path("count").asLong(),
                    space.path("dimension").asInt(),
                    space.path("partition").asInt());
        }
        more(out, spaces.size() - MAX_SPACES + fewer, isCut ? "spaces, and those after them" : "spaces");
        rejections(out, rejections);
        return out.toString().stripTrailing();
    }

    private static void rejections(StringBuilder out, List<JsonNode> rejections) {
        if (rejections.isEmpty()) {
            return;
        }
        long records = rejections.stream()
                .mapToLong(refused -> refused.path("count").asLong())
                .sum();
        line(out, "NOT ACCEPTED (%,d records; all of them are in the rejected topic)", records);
        for (JsonNode refused : first(MAX_REJECTIONS, rejections)) {
            line(
                    out,
                    "%,d %s %s: %s",
                    refused.path("count").asLong(),
                    shortened(refused.path("space").asText(), 20),
                    refused.path("reason").asText(),
                    refused.path("last_detail").asText());
        }
    }

    private static long partitions(JsonNode instance, String role) {
        return list(instance.path("partitions")).stream()
                .filter(partition -> partition.path("role").asText().equals(role))
                .count();
    }

    private static List<JsonNode> list(JsonNode array) {
        List<JsonNode> items = new ArrayList<>();
        array.forEach(items::add);
        return items;
    }

    private static List<JsonNode> first(int max, List<JsonNode> items) {
        return items.subList(0, Math.min(max, items.size()));
    }

    private static void more(StringBuilder out, int count, String what) {
        if (count > 0) {
            line(out, "… and %,d more %s", count, what);
        }
    }

    private static String bar(double share) {
        int filled = (int) Math.max(0, Math.min(BAR, Math.round(share * BAR)));
        return String.format(Locale.ROOT, "[%s%s] %3.0f%%", "#".repeat(filled), ".".repeat(BAR - filled), share * 100);
    }

    private static String shortened(String text, int width) {
        return text.length() <= width ? text : text.substring(0, width - 1) + "…";
    }

    private static void line(StringBuilder out, String format, Object... values) {
        String text = String.format(Locale.ROOT, format, values);
        out.append(shortened(text, 80)).append('\n');
    }
}
