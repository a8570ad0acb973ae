using System.Reflection;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// The schema as numbered files in the binary. Each is applied in a transaction of its own and recorded in kalshid.migrations;
/// an advisory lock makes processes that start together take turns.
/// </summary>
internal static class Migrations
{
    /// <summary>Any number that nobody else uses.</summary>
    private const long LockKey = 0x6B616C73686964;

    /// <summary>Number, name and text, in order. Numbers are 1, 2, 3, …</summary>
    public static IReadOnlyList<(int Version, string Name, string Sql)> All { get; } = [.. Read()];

    public static int Latest => All[^1].Version;

    /// <summary>The version in the database; 0 = none.</summary>
    public static async Task<int> VersionAsync(NpgsqlConnection connection, CancellationToken cancellation = default)
    {
        await using var exists = new NpgsqlCommand("select to_regclass('kalshid.migrations') is not null", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(cancellation))!)
        {
            return 0;
        }

        await using var version = new NpgsqlCommand("select coalesce(max(version), 0) from kalshid.migrations", connection);
        return (int)(await version.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>
    /// Brings the database to <see cref="Latest"/>. Throws <see cref="SetupException"/> (exit 78) for a newer schema, or when TimescaleDB
    /// is demanded (`timescale` = on) and cannot be had; <see cref="NpgsqlException"/> when the database fails.
    /// </summary>
    /// <returns>The number of files applied.</returns>
    public static async Task<int> ApplyAsync(StoreDatabase database, string timescale, CancellationToken cancellation = default)
    {
        await using var connection = await database.OpenAsync(cancellation);
        await RefuseNewerAsync(connection, cancellation);
        switch (await VersionAsync(connection, cancellation))
        {
            case var version when version == Latest:
                return 0;
            case 0:
                await OfferTimescaleAsync(database, timescale, cancellation);
                break;
        }

        var applied = 0;
        foreach (var (version, name, sql) in All)
        {
            applied += await ApplyAsync(connection, version, name, sql, timescale, cancellation) ? 1 : 0;
        }

        await ExecuteAsync(connection, "select kalshid.grant_roles()", cancellation);

        return applied;
    }

    /// <summary>Throws <see cref="SetupException"/> when the schema was made by a newer kalshid.</summary>
    public static async Task RefuseNewerAsync(NpgsqlConnection connection, CancellationToken cancellation = default)
    {
        if (await VersionAsync(connection, cancellation) is var version && version > Latest)
        {
            throw new SetupException(
                ExitCode.Config, $"The store's schema has version {version}; this kalshid knows {Latest}: use the newer kalshid that made it.");
        }
    }

    /// <summary>Creates the extension when it is wanted and possible. On a connection of its own: a library that was not preloaded ends it.</summary>
    private static async Task OfferTimescaleAsync(StoreDatabase database, string timescale, CancellationToken cancellation)
    {
        await using var connection = await database.OpenAsync(cancellation);
        if (timescale == "off" || await HasTimescaleAsync(connection, cancellation))
        {
            return;
        }

        try
        {
            await ExecuteAsync(connection, "create extension if not exists timescaledb", cancellation);
        }
        catch (PostgresException e) when (timescale == "on")
        {
            throw new SetupException(ExitCode.Config, $"store.timescale is on, but the extension cannot be created: {e.MessageText}. Install and preload timescaledb, or set store.timescale = auto.");
        }
        catch (PostgresException)
        {
            // Not offered here: a plain store.
        }
    }

    private static async Task<bool> HasTimescaleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select exists (select from pg_extension where extname = 'timescaledb')", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>Whether the extension is there and has what the schema uses: the columnstore, which is not in the Apache-licensed part.</summary>
    private static async Task<bool> IsTimescaleUsableAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            select exists (
                select from pg_extension
                where extname = 'timescaledb' and split_part(extversion, '.', 1)::int * 1000 + split_part(extversion, '.', 2)::int >= 2020
                    and current_setting('timescaledb.license', true) is distinct from 'apache')
            """,
            connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static async Task<bool> ApplyAsync(
        NpgsqlConnection connection, int version, string name, string sql, string timescale, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await ExecuteAsync(connection, $"select pg_advisory_xact_lock({LockKey})", cancellation);
        if (await VersionAsync(connection, cancellation) >= version)
        {
            return false;
        }

        var isTimescale = version == 1
            ? timescale != "off" && await IsTimescaleUsableAsync(connection, cancellation)
            : await IsTimescaleAsync(connection, cancellation);
        if (version == 1 && timescale == "on" && !isTimescale)
        {
            throw new SetupException(ExitCode.Config, "store.timescale is on, but this TimescaleDB is older than 2.20 or its Apache edition, without the columnstore: upgrade it, or set store.timescale = auto.");
        }

        await ExecuteAsync(connection, $"select set_config('kalshid.timescale', '{(isTimescale ? "on" : "off")}', true)", cancellation);
        await ExecuteAsync(connection, sql, cancellation);
        await ExecuteAsync(connection, "create table if not exists kalshid.migrations (version int primary key, name text not null, applied_at timestamptz not null default clock_timestamp())", cancellation);
        await ExecuteAsync(connection, $"insert into kalshid.migrations (version, name) values ({version}, '{name}')", cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }

    public static async Task<bool> IsTimescaleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select is_timescale from kalshid.store", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static IEnumerable<(int Version, string Name, string Sql)> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var text = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (int.Parse(name.AsSpan(0, 3), provider: null), Path.GetFileNameWithoutExtension(name), text.ReadToEnd());
        }
    }
}
