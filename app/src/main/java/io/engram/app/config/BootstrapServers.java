package io.engram.app.config;

import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigException;

/**
 * The list of brokers. Lists come from environment files and templates: blanks and line ends around an item, items
 * without anything in them, and semicolons mean what was meant.
 *
 * @param items {@code host:port} as they were written, at least one
 * @param addresses the same, not resolved
 */
record BootstrapServers(List<String> items, List<InetSocketAddress> addresses) {
    private static final Pattern SEPARATOR = Pattern.compile("[,;\\s]+");
    // As Kafka's clients read them: a protocol may stand before the host, brackets around an IPv6 address.
    private static final Pattern ITEM =
            Pattern.compile("(?:[A-Za-z0-9_]+://)?(?:\\[([0-9A-Fa-f:.]+(?:%[^\\]]+)?)]|([0-9A-Za-z._-]+)):(\\d{1,5})");

    /**
     * Reads the list.
     *
     * @throws ConfigException when there is no item, or one is not {@code host:port}
     */
    static BootstrapServers parse(String list) {
        List<String> items = Arrays.stream(SEPARATOR.split(list))
                .filter(item -> !item.isEmpty())
                .toList();
        if (items.isEmpty()) {
            throw new ConfigException(
                    ConfigKeys.BOOTSTRAP_SERVERS,
                    list,
                    "must name a broker, as host:port, with commas between several");
        }
        return new BootstrapServers(
                items, items.stream().map(BootstrapServers::address).toList());
    }

    private static InetSocketAddress address(String item) {
        Matcher matcher = ITEM.matcher(item);
        if (!matcher.matches() || Integer.parseInt(matcher.group(3)) > 65_535) {
            throw new ConfigException(
                    ConfigKeys.BOOTSTRAP_SERVERS,
                    item,
                    "must be host:port with a port of 0 to 65535; an IPv6 address stands in brackets, as [::1]:9092");
        }
        String host = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        return InetSocketAddress.createUnresolved(host, Integer.parseInt(matcher.group(3)));
    }
}
