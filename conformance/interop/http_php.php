<?php
// PHP's http stream wrapper against the echo server.

error_reporting(E_ALL);
$base = 'http://' . getenv('INTEROP_ADDR');

function check(string $name, callable $check): void
{
    error_clear_last();
    try {
        $fact = @$check();
    } catch (Throwable $e) {
        $fact = $e->getMessage();
    }
    $fact ??= error_get_last()['message'] ?? null;
    echo $fact === null ? "ok $name\n" : "FAILED $name: " . strtr($fact, "\n", ' ') . "\n";
}

function send(string $url, string $method, string $body, array $headers, string $version = '1.1'): string|false
{
    $http = ['method' => $method, 'content' => $body, 'header' => $headers, 'protocol_version' => (float) $version];
    return file_get_contents($url, false, stream_context_create(['http' => $http + ['timeout' => 10]]));
}

check('file_get_contents of /hello', function () use ($base) {
    $got = file_get_contents("$base/hello");
    return $got === 'Hello, World!' ? null : 'got ' . var_export($got, true);
});

foreach (['1.0', '1.1'] as $version) {
    check("POST to /echo with HTTP/$version", function () use ($base, $version) {
        $body = random_bytes(300_000);
        $got = send("$base/echo", 'POST', $body, ['Content-Type: image/png', 'Connection: close'], $version);
        return $got === $body ? null : 'the echo differs: ' . strlen((string) $got) . ' bytes';
    });
}

check('/request tells what PHP sent', function () use ($base) {
    $headers = ['X-Php: Yes', 'Content-Type: text/plain', 'Connection: close'];
    $got = json_decode((string) send("$base/request?a=b", 'PUT', 'xyz', $headers), true);
    $right = $got['method'] === 'PUT' && $got['target'] === '/request?a=b' && $got['body_len'] === 3
        && in_array(['X-Php', 'Yes'], $got['headers'], true);
    return $right ? null : json_encode($got);
});

check('/stream arrives whole', function () use ($base) {
    $got = file_get_contents("$base/stream?n=20&size=5000&delay_ms=1");
    return strlen((string) $got) === 100_000 ? null : strlen((string) $got) . ' bytes';
});

check('an unknown path is 404', function () use ($base) {
    $got = file_get_contents("$base/nothing", false, stream_context_create(['http' => ['ignore_errors' => true]]));
    $status = $http_response_header[0] ?? 'no status';
    return $got !== false && str_starts_with($status, 'HTTP/1.1 404') ? null : $status;
});

echo "end\n";
