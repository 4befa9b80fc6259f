package io.engram.app.state;

import io.engram.app.errors.StartupException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Which changelogs the state of an instance follows, as one line of text:
 *
 * <pre>
 * "2" { " " topic "=" id of the topic }      version 2; sorted by topic
 * </pre>
 */
final class FollowedChangelogs {
    private static final String VERSION = "2 ";

    private FollowedChangelogs() {}

    /** @param ids by the names of the topics, one at least */
    static String text(Map<String, String> ids) {
        return VERSION
                + new TreeMap<>(ids)
                        .entrySet().stream()
                                .map(entry -> entry.getKey() + "=" + entry.getValue())
                                .collect(Collectors.joining(" "))
                + "\n";
    }

    /**
     * Reads what {@link #text} wrote.
     *
     * @param file that has the text, for people
     * @return ids by the names of the topics
     * @throws StartupException when the text is of another version, or damaged
     */
    static Map<String, String> parse(Path file, String text) {
        String line = text.trim();
        Map<String, String> ids = new TreeMap<>();
        String entries = line.startsWith(VERSION) ? line.substring(VERSION.length()) : "";
        for (String entry : entries.split(" ")) {
            int at = entry.indexOf('=');
            if (at < 1) {
                throw new StartupException(file + " is of another version or damaged: \"" + line
                        + "\". Nothing was changed. Start the version that wrote it; if it is damaged, move that one file away"
                        + " and make sure by the log of the brokers that the changelogs were never deleted");
            }
            ids.put(entry.substring(0, at), entry.substring(at + 1));
        }
        return ids;
    }
}
