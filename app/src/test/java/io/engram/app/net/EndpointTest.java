package io.engram.app.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.UnknownHostException;
import org.apache.kafka.streams.state.HostInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EndpointTest {
    @ParameterizedTest
    @CsvSource({
        "http://engram-0.example:7432, http://engram-0.example:7432",
        "http://10.0.0.1, http://10.0.0.1:80",
        "HTTPS://engram.example/, https://engram.example:443",
        "http://[fd00::5]:7432, http://[fd00::5]:7432",
        "http://[::1], http://[::1]:80",
        "http://[fe80::1%eth0]:7432, http://[fe80::1%eth0]:7432",
        "http://[10.0.0.1]:7432, http://10.0.0.1:7432",
        "http://[engram-0]:7432, http://engram-0:7432",
        "http://engram_1:7432, http://engram_1:7432",
        "http://stack_service:0/, http://stack_service:0",
        "http://proxy/engram/, http://proxy:80/engram"
    })
    void shouldReadUrls(String url, String normal) {
        assertThat(Endpoint.parse(url).url()).isEqualTo(normal);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "http://fd00::5:7432 | brackets",
                "http://::1 | brackets",
                "127.0.0.1:7432 | must be a URL such as",
                "ftp://engram:7432 | must be a URL such as",
                "http://:7432 | must be a URL such as",
                "http://engram:port | must be a URL such as",
                "http://engram:7432?x=1 | must be a URL such as",
                "http://user@engram:7432 | must be a URL such as",
                "http://engram:70000 | from 0 to 65535",
                "https://engram_1:7432 | underscore"
            })
    void shouldSayWhatIsWrong(String url, String message) {
        assertThatThrownBy(() -> Endpoint.parse(url))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({"http://[fd00::5]:7432, fd00::5", "http://engram_1:7432, engram_1", "http://10.0.0.1:7432, 10.0.0.1"})
    void shouldBeUnderstoodByStreams(String url, String host) {
        Endpoint endpoint = Endpoint.parse(url);

        assertThat(HostInfo.buildFromEndpoint(endpoint.authority())).isEqualTo(new HostInfo(host, 7432));
        assertThat(endpoint.host()).isEqualTo(host);
    }

    @Test
    void shouldGiveJavasClientAHostThatItTakes() throws UnknownHostException {
        assertThat(Endpoint.parse("http://[::1]:7432").uri("/readyz")).hasToString("http://[::1]:7432/readyz");
        assertThat(Endpoint.parse("http://proxy/engram").uri("/readyz").getHost())
                .isEqualTo("proxy");
        assertThatThrownBy(() -> Endpoint.parse("http://no_such_host.invalid:1").uri("/readyz"))
                .isInstanceOf(UnknownHostException.class);
    }
}
