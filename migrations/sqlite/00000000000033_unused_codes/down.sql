DROP INDEX authorizations_unused;
