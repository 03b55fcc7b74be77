using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Orleans.DOS.Cli;

/// <summary>How answers are printed: tables for people, JSON for programs.</summary>
internal static class Output
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(), new IdentityConverter() },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Json<T>(T value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Format));

    /// <summary>Plain columns without a frame, so that they can be cut and piped.</summary>
    public static void Table(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        if (!Console.IsOutputRedirected)
        {
            var table = new Table().Border(TableBorder.None);
            foreach (var heading in headings)
            {
                table.AddColumn(new TableColumn(new Text(heading, new Style(decoration: Decoration.Bold))).PadRight(2).NoWrap());
            }
            foreach (var row in rows)
            {
                table.AddRow(row.Select(cell => (Spectre.Console.Rendering.IRenderable)new Text(cell)));
            }
            AnsiConsole.Write(table);
            return;
        }
        var all = rows.Prepend(headings).ToList();
        var widths = headings.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        foreach (var row in all)
        {
            Console.Out.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }

    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double value = bytes;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
        {
            value /= 1024;
        }
        return unit == 0 ? $"{bytes} B" : value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>Reads 64MiB, 1GiB, 4096.</summary>
    /// <exception cref="DosException">InvalidArgument.</exception>
    public static long ParseBytes(string text)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        for (var unit = units.Length - 1; unit >= 0; unit--)
        {
            if (text.EndsWith(units[unit], StringComparison.OrdinalIgnoreCase)
                && long.TryParse(text.AsSpan(0, text.Length - units[unit].Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count > 0 && count <= long.MaxValue >> (10 * unit))
            {
                return count << (10 * unit);
            }
        }
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes > 0
            ? bytes
            : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no size like 256MiB");
    }

    public static string Instant(DateTimeOffset? instant) => instant is { } some && some > DateTimeOffset.UnixEpoch
        ? some.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
        : "-";

    public static string Mode(Files.FileStat stat)
    {
        var kind = stat.Kind switch { Files.InodeKind.Directory => 'd', Files.InodeKind.SymbolicLink => 'l', _ => '-' };
        Span<char> text = stackalloc char[10];
        text[0] = kind;
        for (var bit = 0; bit < 9; bit++)
        {
            text[1 + bit] = (stat.Mode & (1 << (8 - bit))) != 0 ? "rwx"[bit % 3] : '-';
        }
        return new string(text);
    }

    /// <summary>Identities are printed as what they wrap: 17, "n-3f2a".</summary>
    private sealed class IdentityConverter : JsonConverterFactory
    {
        private static readonly HashSet<Type> Numbers = [typeof(ProcessId), typeof(JobId), typeof(InodeId), typeof(MachineId)];
        private static readonly HashSet<Type> Names = [typeof(NodeId), typeof(DiskId)];

        public override bool CanConvert(Type type) => Numbers.Contains(type) || Names.Contains(type);

        public override JsonConverter CreateConverter(Type type, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(As<>).MakeGenericType(type), Numbers.Contains(type))!;

        private sealed class As<T>(bool number) : JsonConverter<T>
        {
            public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => throw new NotSupportedException("identities are only printed");

            public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
            {
                if (number)
                {
                    writer.WriteRawValue(value!.ToString()!);
                }
                else
                {
                    writer.WriteStringValue(value!.ToString());
                }
            }
        }
    }
}
