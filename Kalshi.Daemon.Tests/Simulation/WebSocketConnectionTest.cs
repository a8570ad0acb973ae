using System.Net.Sockets;
using System.Text;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>Bytes on the wire that a WebSocket library would hide.</summary>
internal sealed class WebSocketConnectionTest
{
    [Test]
    public async Task The_server_pings_with_heartbeat_and_answers_pings_in_kind()
    {
        await using var simulator = await SimulatorHarness.StartAsync();
        using var tcp = new TcpClient();
        var stream = await UpgradeAsync(simulator, tcp);
        await Eventually.BecomesTrue(() => simulator.Pump.Connections.Count == 1);

        simulator.Pump.Connections[0].SendPing();
        Assert.That(await ReadAsync(stream, 11), Is.EqualTo((byte[])[0x89, 9, .. "heartbeat"u8]));
        await stream.WriteAsync(Masked(0x89, "are you there"u8));
        Assert.That(await ReadAsync(stream, 15), Is.EqualTo((byte[])[0x8A, 13, .. "are you there"u8]));
    }

    [Test]
    public async Task A_command_may_come_in_fragments_with_a_ping_between_and_one_byte_at_a_time()
    {
        await using var simulator = await SimulatorHarness.StartAsync();
        using var tcp = new TcpClient { NoDelay = true };
        var stream = await UpgradeAsync(simulator, tcp);
        var text = """{"id":5,"cmd":"list_subscriptions"}"""u8;
        byte[] all = [.. Masked(0x01, text[..10]), .. Masked(0x89, []), .. Masked(0x00, text[10..20]), .. Masked(0x80, text[20..])];
        foreach (var one in all)
        {
            await stream.WriteAsync(new[] { one });
        }

        Assert.That(await ReadAsync(stream, 2), Is.EqualTo((byte[])[0x8A, 0]));
        var head = await ReadAsync(stream, 2);
        Assert.That(head[0], Is.EqualTo(0x81));
        Assert.That(Encoding.UTF8.GetString(await ReadAsync(stream, head[1])), Does.StartWith("{\"type\":\"ok\"").And.Contain("\"id\":5"));
    }

    [Test]
    public async Task A_snapshot_of_five_megabytes_arrives_whole()
    {
        var source = new SeededSource(SimulatorHarness.Calm with { HugeLevels = 125_000 });
        await using var simulator = await SimulatorHarness.StartAsync(source);
        using var client = await simulator.ConnectAsync();
        var ticker = Encoding.UTF8.GetString(simulator.Exchange.Markets[0].Ticker);
        await client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_ticker":"{{ticker}}"}""");
        var snapshot = await client.FrameAsync("orderbook_snapshot");
        Assert.That(snapshot.Text.Length, Is.GreaterThan(5_000_000));
        Assert.That(snapshot.Msg.GetProperty("no_dollars_fp").GetArrayLength(), Is.EqualTo(125_000));
    }

    [Test]
    public async Task A_reader_that_stops_overflows_its_sid_but_not_the_memory()
    {
        var busy = new SeededSettings(1, 40, 0, 50_000, 60 * Micros.PerSecond, long.MaxValue, Micros.PerHour, 4);
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(busy), queueBytesMax: 1 << 20, startNow: false);
        using var tcp = new TcpClient();
        var stream = await UpgradeAsync(simulator, tcp);
        await stream.WriteAsync(Masked(0x81, """{"id":1,"cmd":"subscribe","params":{"channels":["trade","market_lifecycle_v2"]}}"""u8));
        var tickers = string.Join("\",\"", Enumerable.Range(0, 40).Select(i => Encoding.UTF8.GetString(simulator.Exchange.Markets[i].Ticker)));
        var subscribe = Encoding.UTF8.GetBytes($$"""{"id":2,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["{{tickers}}"]} }""");
        await stream.WriteAsync(Masked(0x81, subscribe));
        await Eventually.BecomesTrue(() => Volatile.Read(ref simulator.Exchange.Counters.Overflows) > 0, 50_000);
        Assert.That(simulator.Pump.Connections[0].Queued, Is.LessThan(3 << 20));
    }

    private static async Task<NetworkStream> UpgradeAsync(SimulatorHarness simulator, TcpClient tcp)
    {
        await tcp.ConnectAsync(simulator.Endpoint);
        var stream = tcp.GetStream();
        var headers = string.Concat(simulator.Sign("GET", SimulatedServer.WebSocketPath).Select(header => $"{header.Name}: {header.Value}\r\n"));
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {SimulatedServer.WebSocketPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"));
        var answer = "";
        while (!answer.EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            answer += (char)(await ReadAsync(stream, 1))[0];
        }

        Assert.That(answer, Does.StartWith("HTTP/1.1 101").And.Contain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the example key of RFC 6455 and its answer");
        return stream;
    }

    private static byte[] Masked(byte first, ReadOnlySpan<byte> payload)
    {
        byte[] mask = [1, 2, 3, 4];
        byte[] header = payload.Length < 126 ? [first, (byte)(0x80 | payload.Length)] : [first, 0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length];
        var masked = payload.ToArray();
        for (var i = 0; i < masked.Length; i++)
        {
            masked[i] ^= mask[i & 3];
        }

        return [.. header, .. mask, .. masked];
    }

    private static async Task<byte[]> ReadAsync(NetworkStream stream, int count)
    {
        using var limit = new CancellationTokenSource(10_000);
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, limit.Token);
        return bytes;
    }
}
