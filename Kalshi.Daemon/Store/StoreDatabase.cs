using System.Net.Sockets;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// One store's address: opens connections, without a pool, since those who open them keep them. Thread-safe. Times are passed to
/// SQL and read from it as PostgreSQL's own µs (<see cref="PgTime"/>).
/// </summary>
internal sealed class StoreDatabase : IDisposable
{
    private readonly NpgsqlDataSource _source;

    /// <summary>Throws <see cref="SetupException"/> (exit 78) when the text is no DSN. `what` names the setting for messages.</summary>
    public StoreDatabase(string dsn, TimeSpan timeout, string what = "store.dsn")
    {
        Setting = what;
        var text = ConnectionText.Parse(what, dsn);
        text.Pooling = false;
        text.CommandTimeout = 0; // callers give a cancellation token
        text.Timeout = Math.Min(text.Timeout, Math.Max(1, (int)timeout.TotalSeconds));
        text.ApplicationName ??= "kalshid";
        Name = $"{text.Host}:{text.Port}/{text.Database ?? text.Username}";
        var builder = new NpgsqlSlimDataSourceBuilder(text.ConnectionString);
        builder.EnableTransportSecurity();
        builder.EnableIntegratedSecurity();
        builder.EnableArrays();
        _source = builder.Build();
    }

    /// <summary>Where the address comes from, for messages.</summary>
    public string Setting { get; }

    /// <summary>What a login of this setting is granted.</summary>
    private string Role => Setting.StartsWith("dedup.gatherer.", StringComparison.Ordinal) ? "kalshid_dedup" : "kalshid_writer";

    /// <summary>Host, port and database, for people.</summary>
    public string Name { get; }

    /// <summary>Throws <see cref="NpgsqlException"/>, <see cref="SocketException"/> or <see cref="TimeoutException"/>.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellation) => _source.OpenConnectionAsync(cancellation);

    /// <summary>Whether the exception says that the database or the way to it failed, which another try may mend.</summary>
    public static bool IsFailure(Exception e) => e is NpgsqlException or SocketException or TimeoutException or IOException;

    /// <summary>The exception as one line for people, with what to do where it is known.</summary>
    public string Explain(Exception e) => e switch
    {
        PostgresException { SqlState: "28P01" or "28000" } p => $"{Name}: {p.MessageText}: check user and password in the DSN",
        PostgresException { SqlState: "3D000" } p => $"{Name}: {p.MessageText}: create it (createdb), or correct the DSN",
        PostgresException { SqlState: "42501" } p => $"{Name}: {p.MessageText}: grant {Role} to this user, or run kalshid check --migrate as the owner",
        PostgresException { SqlState: "53100" } p => $"{Name}: {p.MessageText}: the database's disk is full; make room or shorten store.retention",
        PostgresException p => $"{Name}: {p.SqlState} {p.MessageText}",
        { InnerException: { } inner } => $"{Name}: {e.Message.TrimEnd('.')}: {inner.Message}",
        _ => $"{Name}: {e.Message}",
    };

    /// <summary>For commands of people: opens, or throws a <see cref="SetupException"/> that explains.</summary>
    public async Task<NpgsqlConnection> OpenOrExplainAsync(CancellationToken cancellation = default)
    {
        try
        {
            return await OpenAsync(cancellation);
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw new SetupException(ExitCode.Unavailable, $"The store cannot be reached: {Explain(e)}");
        }
    }

    public void Dispose() => _source.Dispose();
}
