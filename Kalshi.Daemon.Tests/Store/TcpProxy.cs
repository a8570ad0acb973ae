using System.Net;
using System.Net.Sockets;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// A network between a client and a server on loopback that can be cut, stalled and made to lose the one answer that matters. Forwards
/// bytes as they come. Thread-safe.
/// </summary>
internal sealed class TcpProxy : IDisposable
{
    private static readonly byte[] _commit = "COMMIT\0"u8.ToArray();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _target;
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<Link> _links = [];
    private volatile TaskCompletionSource _flow = Flowing();
    private volatile bool _isRefusing;
    private int _commitsToLose;
    private int _commitsLost;

    /// <param name="target">A port on loopback.</param>
    public TcpProxy(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int CommitsLost => Volatile.Read(ref _commitsLost);

    public int Connections
    {
        get { lock (_links) { return _links.Count; } }
    }

    /// <summary>Breaks every connection; new ones are welcome.</summary>
    public void Cut()
    {
        lock (_links)
        {
            foreach (var link in _links)
            {
                link.Dispose();
            }
        }
    }

    /// <summary>Nothing is forwarded and nothing is broken, new connections included, until <see cref="Resume"/>.</summary>
    public void Stall() => _flow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Resume() => _flow.TrySetResult();

    /// <summary>The next commit reaches the server and is done; its connection breaks instead of bringing the answer.</summary>
    public void LoseAnswerToCommit() => Volatile.Write(ref _commitsToLose, 1);

    /// <summary>Whether new connections are broken at once.</summary>
    public bool IsRefusing
    {
        get => _isRefusing;
        set => _isRefusing = value;
    }

    private static TaskCompletionSource Flowing()
    {
        var flow = new TaskCompletionSource();
        flow.SetResult();
        return flow;
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_end.Token);
                if (_isRefusing)
                {
                    client.Dispose();
                    continue;
                }

                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        var link = new Link(client, new TcpClient { NoDelay = true });
        lock (_links)
        {
            _links.Add(link);
        }

        try
        {
            await _flow.Task.WaitAsync(_end.Token);
            await link.Server.ConnectAsync(IPAddress.Loopback, _target, _end.Token);
            await Task.WhenAny(PumpAsync(link, link.Client, link.Server, isFromClient: true), PumpAsync(link, link.Server, link.Client, isFromClient: false));
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Refused by the server, or the proxy ends.
        }

        link.Dispose();
        lock (_links)
        {
            _links.Remove(link);
        }
    }

    private async Task PumpAsync(Link link, TcpClient from, TcpClient to, bool isFromClient)
    {
        try
        {
            var (source, target, buffer) = (from.GetStream(), to.GetStream(), new byte[1 << 16]);
            int count;
            while ((count = await source.ReadAsync(buffer, _end.Token)) > 0)
            {
                await _flow.Task.WaitAsync(_end.Token);
                if (isFromClient && buffer.AsSpan(0, count).IndexOf(_commit) >= 0 && Interlocked.Exchange(ref _commitsToLose, 0) == 1)
                {
                    link.LosesAnswers = true;
                }
                else if (!isFromClient && link.LosesAnswers)
                {
                    // The server has answered, so it has committed.
                    Interlocked.Increment(ref _commitsLost);
                    return;
                }

                await target.WriteAsync(buffer.AsMemory(0, count), _end.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Either side has gone: so does the other.
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException or InvalidOperationException or OperationCanceledException;

    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
        Cut();
        _end.Dispose();
    }

    private sealed class Link(TcpClient client, TcpClient server) : IDisposable
    {
        public TcpClient Client => client;

        public TcpClient Server => server;

        public volatile bool LosesAnswers;

        public void Dispose()
        {
            client.Dispose();
            server.Dispose();
        }
    }
}
