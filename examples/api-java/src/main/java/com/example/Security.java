package com.example;

import static org.springframework.security.authorization.AuthorityAuthorizationManager.hasAuthority;
import static org.springframework.security.authorization.AuthorityAuthorizationManager.hasRole;
import static org.springframework.security.authorization.AuthorizationManagers.allOf;
import static org.springframework.security.oauth2.core.OAuth2TokenValidatorResult.failure;
import static org.springframework.security.oauth2.core.OAuth2TokenValidatorResult.success;

import java.time.Duration;
import java.util.stream.Stream;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authentication.InsufficientAuthenticationException;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.oauth2.server.resource.authentication.JwtGrantedAuthoritiesConverter;
import org.springframework.security.web.SecurityFilterChain;

/**
 * Verifies access tokens by the published keys, with no call per request (RFC 9068 4), and says who may call what. What the issuer ends
 * early (a sign-out, a disabled user) it hears of within seconds, by status lists.
 */
@Configuration
class Security {
    private static final Logger LOG = LoggerFactory.getLogger(Security.class);

    @Bean
    JwtDecoder decoder(@Value("${issuer}") String issuer, @Value("${audience}") String audience) throws Exception {
        var lists = new StatusLists(issuer);
        var decoder = NimbusJwtDecoder.withIssuerLocation(issuer).jwsAlgorithm(SignatureAlgorithm.RS256).validateType(false).build();
        // The type at+jwt, which keeps ID tokens out, and iss, aud, exp, iat, sub, jti, client_id.
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).validators(more -> {
            more.put("time", new JwtTimestampValidator(Duration.ofSeconds(5)));
            // A sender-constrained token does not count as Bearer (RFC 9449 7.1).
            more.put("cnf", token -> token.hasClaim("cnf") ? failure(new OAuth2Error("invalid_token")) : success());
        }).build());
        return token -> {
            try {
                Jwt good = decoder.decode(token);
                lists.check(good);
                return good;
            } catch (BadJwtException refused) {
                throw refused;
            } catch (JwtException undecided) {
                throw new Undecided(undecided);
            }
        };
    }

    @Bean
    SecurityFilterChain routes(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(may -> may
                .requestMatchers(HttpMethod.GET, "/").permitAll()
                // Whatever the method: what answers GET answers HEAD as well.
                .requestMatchers("/me").authenticated()
                .requestMatchers("/orders").access(hasAuthority("SCOPE_orders:read"))
                // Both: the app may (scope), and the user may (role).
                .requestMatchers("/orders/*").access(allOf(hasAuthority("SCOPE_orders:write"), hasRole("clerk")))
                .anyRequest().denyAll())
            .oauth2ResourceServer(api -> api
                .jwt(jwt -> jwt.jwtAuthenticationConverter(scopesAndRoles()))
                .authenticationEntryPoint(Security::refuse)
                .accessDeniedHandler(Security::forbid))
            .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
            .csrf(AbstractHttpConfigurer::disable) // there are no cookies
            .build();
    }

    private static JwtAuthenticationConverter scopesAndRoles() {
        var scopes = new JwtGrantedAuthoritiesConverter();
        scopes.setAuthoritiesClaimName("scope");
        var roles = new JwtGrantedAuthoritiesConverter();
        roles.setAuthoritiesClaimName("roles");
        roles.setAuthorityPrefix("ROLE_");
        var both = new JwtAuthenticationConverter();
        both.setJwtGrantedAuthoritiesConverter(
            token -> Stream.of(scopes, roles).<GrantedAuthority>flatMap(one -> one.convert(token).stream()).toList());
        return both;
    }

    /** The answers of RFC 6750 3.1. Callers never hear what is wrong with a token, the log does. */
    private static void refuse(HttpServletRequest request, HttpServletResponse response, AuthenticationException why) {
        if (why instanceof Undecided) {
            LOG.error("nothing can be decided: {}", why.getMessage());
            response.setHeader("Retry-After", "1");
            response.setStatus(503);
            return;
        }
        boolean nothingSent = why instanceof InsufficientAuthenticationException;
        if (!nothingSent) {
            LOG.warn("access token refused: {}", why.getMessage());
        }
        response.setHeader("WWW-Authenticate", nothingSent ? "Bearer realm=\"orders\"" : "Bearer error=\"invalid_token\"");
        response.setStatus(401);
    }

    private static void forbid(HttpServletRequest request, HttpServletResponse response, AccessDeniedException why) {
        String scope = request.getRequestURI().startsWith("/orders/") ? "orders:write" : "orders:read";
        response.setHeader("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"" + scope + "\"");
        response.setStatus(403);
    }

    /** There are no keys, or no status list that counts. */
    private static class Undecided extends AuthenticationException {
        Undecided(JwtException why) {
            super(why.getMessage(), why);
        }
    }
}
