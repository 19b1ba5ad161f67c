package com.example;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.InflaterInputStream;

import com.nimbusds.jose.util.JSONObjectUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** Whether the issuer has ended a token early: its bit in a list that the issuer signs (Token Status List). */
class StatusLists {
    private static final Logger LOG = LoggerFactory.getLogger(StatusLists.class);

    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<String, StatusList> lists = new ConcurrentHashMap<>();
    private final NimbusJwtDecoder decoder;
    private final boolean advertised;

    StatusLists(String issuer) throws Exception {
        decoder = NimbusJwtDecoder.withIssuerLocation(issuer).jwsAlgorithm(SignatureAlgorithm.RS256).validateType(false).build();
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            new JwtTypeValidator("statuslist+jwt"), new JwtIssuerValidator(issuer), new JwtTimestampValidator(Duration.ofSeconds(5))));
        var metadata = JSONObjectUtils.parse(get(issuer + "/.well-known/openid-configuration", "application/json"));
        advertised = metadata.containsKey("status_list_aggregation_endpoint");
    }

    /** Throws what the token is refused with; a plain JwtException says that nothing can be decided. */
    void check(Jwt token) {
        Map<String, Object> status = token.getClaimAsMap("status");
        if (status == null && !advertised) {
            return;
        }
        if (status == null || !(status.get("status_list") instanceof Map<?, ?> place)) {
            throw new BadJwtException("the token has no status");
        }
        byte[] bits = list((String) place.get("uri")).current();
        long index = ((Number) place.get("idx")).longValue();
        if (index < 0 || index >= 8L * bits.length) {
            throw new BadJwtException("the token is in no list");
        }
        if ((bits[(int) (index / 8)] >> (index % 8) & 1) == 1) {
            throw new BadJwtException("the token was revoked");
        }
    }

    private StatusList list(String uri) {
        var known = lists.get(uri);
        if (known == null) {
            lists.values().removeIf(StatusList::isOver);
            known = lists.computeIfAbsent(uri, StatusList::new);
        }
        return known;
    }

    /** One list. Its times are of a clock that nobody sets, in nanoseconds. */
    private class StatusList {
        private record Known(byte[] bits, long again, long ends, boolean failed) {}

        private final String uri;
        private final ReentrantLock fetching = new ReentrantLock();
        private volatile Known known = new Known(new byte[0], System.nanoTime(), System.nanoTime(), false);

        StatusList(String uri) {
            this.uri = uri;
        }

        boolean isOver() {
            return reached(known.again) && reached(known.ends);
        }

        /** One thread fetches, and all wait for it; while the issuer is away nobody does, and what is there counts until it ends. */
        byte[] current() {
            try {
                if (reached(known.again) && fetching.tryLock(known.failed ? 0 : 2, TimeUnit.SECONDS)) {
                    try {
                        if (reached(known.again)) {
                            known = fresh();
                        }
                    } finally {
                        fetching.unlock();
                    }
                }
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
            Known now = known;
            if (reached(now.ends)) {
                throw new JwtException("there is no status list that counts: " + uri);
            }
            return now.bits;
        }

        private Known fresh() throws InterruptedException {
            try {
                Jwt list = decoder.decode(get(uri, "application/statuslist+jwt"));
                Map<String, Object> said = list.getClaimAsMap("status_list");
                if (!uri.equals(list.getSubject()) || !"1".equals(String.valueOf(said.get("bits")))) {
                    throw new IOException("it is not this list of single bits");
                }
                byte[] compressed = Base64.getUrlDecoder().decode((String) said.get("lst"));
                byte[] bits = new InflaterInputStream(new ByteArrayInputStream(compressed)).readNBytes(131_073);
                if (bits.length > 131_072) {
                    throw new IOException("it is too large");
                }
                long now = System.nanoTime();
                long lives = Duration.between(Instant.now(), list.getExpiresAt()).toNanos();
                long keeps = TimeUnit.SECONDS.toNanos(((Number) list.getClaim("ttl")).longValue());
                return new Known(bits, now + Math.min(keeps, lives), now + lives, false);
            } catch (InterruptedException ended) {
                throw ended;
            } catch (Exception why) {
                LOG.error("{}: {}", uri, String.valueOf(why.getMessage()));
                return new Known(known.bits, System.nanoTime() + TimeUnit.SECONDS.toNanos(1), known.ends, true);
            }
        }
    }

    private static boolean reached(long moment) {
        return System.nanoTime() - moment >= 0;
    }

    /** The time is that of the whole answer: the one of a request ends with the headers. */
    private String get(String address, String type) throws Exception {
        var asked = HttpRequest.newBuilder(URI.create(address)).header("Accept", type).timeout(Duration.ofSeconds(2)).build();
        var answer = http.sendAsync(asked, BodyHandlers.ofByteArray()).get(2, TimeUnit.SECONDS);
        if (answer.statusCode() != 200) {
            throw new IOException("answers " + answer.statusCode());
        }
        return new String(answer.body(), StandardCharsets.UTF_8);
    }
}
