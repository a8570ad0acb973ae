using System.Text.RegularExpressions;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>What people write as a DSN.</summary>
internal static partial class ConnectionText
{
    private const string Example = "expected Host=…;Database=…;Username=… or postgresql://user@host:port/database";

    /// <summary>Throws <see cref="SetupException"/> that names `what` (a setting) and never shows a password.</summary>
    public static NpgsqlConnectionStringBuilder Parse(string what, string text)
    {
        try
        {
            return text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal)
                ? FromUri(what, text) : new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new SetupException(ExitCode.Config, $"{what}: {e.Message.TrimEnd('.')}; {Example}.");
        }
    }

    /// <summary>The text with every password shown as ***.</summary>
    public static string WithoutPassword(string text) =>
        UriPassword().Replace(KeyPassword().Replace(text, "$1***"), "$1***@");

    private static NpgsqlConnectionStringBuilder FromUri(string what, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri))
        {
            throw new SetupException(ExitCode.Config, $"{what}: this is no URL; {Example}.");
        }

        var builder = new NpgsqlConnectionStringBuilder { Host = uri.Host, Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')) };
        if (uri.Port > 0)
        {
            builder.Port = uri.Port;
        }

        var user = uri.UserInfo.Split(':', 2);
        builder.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length == 2)
        {
            builder.Password = Uri.UnescapeDataString(user[1]);
        }

        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)))
        {
            builder[KeyOf(Uri.UnescapeDataString(pair[0]))] = Uri.UnescapeDataString(pair.Length == 2 ? pair[1] : "");
        }

        return builder;
    }

    /// <summary>libpq's names, where they differ.</summary>
    private static string KeyOf(string libpq) => libpq switch
    {
        "sslmode" => "SSL Mode",
        "sslrootcert" => "Root Certificate",
        "application_name" => "Application Name",
        "connect_timeout" => "Timeout",
        "options" => "Options",
        _ => libpq,
    };

    [GeneratedRegex(@"((?:password|pwd)\s*=\s*)('[^']*'|""[^""]*""|[^;]*)", RegexOptions.IgnoreCase)]
    private static partial Regex KeyPassword();

    [GeneratedRegex(@"^(\w+://[^/@:]*:)[^@]*@")]
    private static partial Regex UriPassword();
}
