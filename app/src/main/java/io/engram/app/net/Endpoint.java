package io.engram.app.net;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where an instance answers. Unlike {@link URI} it knows hosts with an underscore, which container platforms make.
 *
 * @param scheme {@code http} or {@code https}
 * @param host a name or an address; of IPv6 without brackets
 * @param port 0 to 65535
 * @param path empty, or what comes before the paths of the interface, from a slash on and without one at its end
 */
public record Endpoint(String scheme, String host, int port, String path) {
    private static final Pattern URL = Pattern.compile(
            "(?<scheme>https?)://(?:\\[(?<bracketed>[0-9A-Za-z.:_%-]+)]|(?<plain>[0-9A-Za-z._-]+))"
                    + "(?::(?<port>[0-9]{1,5}))?(?<path>(?:/[^\\s?#]*)?)",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern BARE_IPV6 =
            Pattern.compile("https?://[0-9a-f]*:[0-9a-f]*:[0-9a-f:.%]*(?:/.*)?", Pattern.CASE_INSENSITIVE);
    private static final int MAX_PORT = 65_535;

    /**
     * Reads a URL. Brackets may stand around any host, so that one template serves addresses of both kinds.
     *
     * @throws IllegalArgumentException whose message says what is wrong with it, as in "must be …"
     */
    public static Endpoint parse(String url) {
        Matcher matcher = URL.matcher(url);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    BARE_IPV6.matcher(url).matches()
                            ? "must have its IPv6 address in brackets, as in http://[fd00::5]:7432"
                            : "must be a URL such as http://engram-0.example:7432");
        }
        String scheme = matcher.group("scheme").toLowerCase(Locale.ROOT);
        String host = matcher.group("plain") == null ? matcher.group("bracketed") : matcher.group("plain");
        int port = scheme.equals("https") ? 443 : 80;
        if (matcher.group("port") != null) {
            port = Integer.parseInt(matcher.group("port"));
        }
        if (port > MAX_PORT) {
            throw new IllegalArgumentException("must have a port from 0 to " + MAX_PORT);
        }
        if (scheme.equals("https") && host.contains("_")) {
            throw new IllegalArgumentException(
                    "must not have an underscore in its host, which https cannot check against a certificate;"
                            + " give the host another name");
        }
        return new Endpoint(scheme, host, port, matcher.group("path").replaceFirst("/+$", ""));
    }

    /** An IPv6 address as it stands before a port, anything else as it is. */
    public static String bracketed(String host) {
        return host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host;
    }

    /** A host as sockets want it: without brackets. */
    public static String unbracketed(String host) {
        return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
    }

    /** {@code host:port}. */
    public static String authority(String host, int port) {
        return bracketed(host) + ":" + port;
    }

    /** {@code host:port}. */
    public String authority() {
        return authority(host, port);
    }

    /** The URL, with its port. */
    public String url() {
        return scheme + "://" + authority() + path;
    }

    /**
     * The address of something here, for Java's HTTP client. The client does not take a name with an underscore: such a
     * name is resolved here, which may wait for the name service.
     *
     * @param resource from a slash on
     * @throws UnknownHostException when a name with an underscore does not resolve
     * @throws IllegalArgumentException when this is no URI
     */
    public URI uri(String resource) throws UnknownHostException {
        String reachable = host.contains("_") ? InetAddress.getByName(host).getHostAddress() : host;
        return URI.create(scheme + "://" + authority(reachable, port) + path + resource);
    }
}
