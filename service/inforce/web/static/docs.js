// Shows /openapi.json with Swagger UI, which lies beside this file (static/vendor/swagger-ui); nothing comes from elsewhere.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
  });
});
