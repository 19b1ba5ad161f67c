package com.example;

import java.util.Map;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** An API of orders. Who may call which route stands in Security. */
@SpringBootApplication
@RestController
public class Api {
    public static void main(String[] arguments) {
        SpringApplication.run(Api.class, arguments);
    }

    @GetMapping("/")
    Map<String, Object> home() {
        return Map.of("orders", "GET /me, GET /orders, DELETE /orders/ID");
    }

    @GetMapping("/me")
    Map<String, Object> me(@AuthenticationPrincipal Jwt token) {
        String scope = token.hasClaim("scope") ? token.getClaimAsString("scope") : "";
        return Map.of("sub", token.getSubject(), "client_id", token.getClaimAsString("client_id"), "scope", scope);
    }

    @GetMapping("/orders")
    Map<String, Object> orders(@AuthenticationPrincipal Jwt token) {
        return Map.of("orders", new int[] {1, 2}, "asked_by", token.getSubject());
    }

    @DeleteMapping("/orders/{number}")
    Map<String, Object> remove(@PathVariable int number, @AuthenticationPrincipal Jwt token) {
        return Map.of("removed", number, "by", token.getSubject());
    }
}
