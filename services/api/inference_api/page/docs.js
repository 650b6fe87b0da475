// The documentation of the calls, drawn by Swagger UI. It sends the key that the page at / has asked for.
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#calls',
  layout: 'BaseLayout',
  deepLinking: true,
  requestInterceptor(request) {
    const key = sessionStorage.getItem('inference.key');
    if (key && !request.headers.Authorization) request.headers.Authorization = `Bearer ${key}`;
    return request;
  },
});
