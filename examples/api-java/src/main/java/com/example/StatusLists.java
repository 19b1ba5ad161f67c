package com.example;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.InflaterInputStream;

import com.nimbusds.jose.util.JSONObjectUtils;
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
    private record Known(byte[] bits, Instant again, Instant ends) {}

    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<String, Known> known = new ConcurrentHashMap<>();
    private final NimbusJwtDecoder decoder;
    private final boolean advertised;

    StatusLists(String issuer) throws IOException, InterruptedException, ParseException {
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
        // One fetch for all who wait.
        byte[] bits = known.compute((String) place.get("uri"), this::fresh).bits;
        long index = ((Number) place.get("idx")).longValue();
        if (index < 0 || index >= 8L * bits.length) {
            throw new BadJwtException("the token is in no list");
        }
        if ((bits[(int) (index / 8)] >> (index % 8) & 1) == 1) {
            throw new BadJwtException("the token was revoked");
        }
    }

    /** Fetched again after its ttl. Where that fails, the list that is there counts until it ends. */
    private Known fresh(String uri, Known before) {
        Instant now = Instant.now();
        if (before != null && now.isBefore(before.again)) {
            return before;
        }
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
            long seconds = ((Number) list.getClaim("ttl")).longValue();
            return new Known(bits, now.plusSeconds(seconds), list.getExpiresAt());
        } catch (IOException | InterruptedException | RuntimeException why) {
            if (before != null && now.isBefore(before.ends)) {
                return new Known(before.bits, now.plusSeconds(1), before.ends);
            }
            throw new JwtException(uri + ": " + why.getMessage(), why);
        }
    }

    private String get(String address, String type) throws IOException, InterruptedException {
        var asked = HttpRequest.newBuilder(URI.create(address)).header("Accept", type).timeout(Duration.ofSeconds(5)).build();
        var answer = http.send(asked, BodyHandlers.ofInputStream());
        try (var body = answer.body()) {
            if (answer.statusCode() != 200) {
                throw new IOException("answers " + answer.statusCode());
            }
            return new String(body.readNBytes(1_000_000), StandardCharsets.UTF_8);
        }
    }
}
