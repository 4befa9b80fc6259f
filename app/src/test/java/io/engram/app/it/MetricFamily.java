package io.engram.app.it;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a metrics text in Prometheus' format says of one metric; buckets without {@code +Inf}. */
record MetricFamily(String name, String type, Set<String> labels, List<Double> buckets, String help) {
    private static final Pattern HEAD = Pattern.compile("^# HELP (\\S+) (.*)\\n# TYPE \\1 (\\w+)$", Pattern.MULTILINE);

    /** Those whose name begins so, by name; several scrapes may follow one another. */
    static Map<String, MetricFamily> of(String text, String prefix) {
        Map<String, MetricFamily> families = new TreeMap<>();
        Matcher head = HEAD.matcher(text);
        while (head.find()) {
            if (head.group(1).startsWith(prefix)) {
                families.put(head.group(1), of(text, head.group(1), head.group(3), head.group(2)));
            }
        }
        return families;
    }

    private static MetricFamily of(String text, String name, String type, String help) {
        String suffix = type.equals("histogram") ? "_bucket" : "";
        Matcher series = Pattern.compile("^" + name + suffix + "(?:\\{([^}]*)\\})? \\S+$", Pattern.MULTILINE)
                .matcher(text);
        Set<String> labels = new TreeSet<>();
        Set<Double> buckets = new TreeSet<>();
        while (series.find()) {
            Matcher label =
                    Pattern.compile("(\\w+)=\"([^\"]*)\"").matcher(series.group(1) == null ? "" : series.group(1));
            while (label.find()) {
                if (!label.group(1).equals("le")) {
                    labels.add(label.group(1));
                } else if (!label.group(2).equals("+Inf")) {
                    buckets.add(Double.valueOf(label.group(2)));
                }
            }
        }
        return new MetricFamily(name, type, labels, List.copyOf(buckets), help);
    }

    /** A row of the reference page. */
    String row() {
        return String.format(
                Locale.ROOT,
                "| `%s` | %s | %s | %s |",
                name,
                type,
                labels.stream().map(label -> "`" + label + "`").collect(Collectors.joining(", ")),
                buckets.isEmpty()
                        ? help
                        : help + " Buckets: "
                                + buckets.stream().map(MetricFamily::plain).collect(Collectors.joining(", ")) + ".");
    }

    private static String plain(double bucket) {
        return bucket == Math.rint(bucket) ? Long.toString((long) bucket) : Double.toString(bucket);
    }
}
