using System.Globalization;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Node.Tests.Chaos.Histories;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>The part of the load that writes at positions, and that renames.</summary>
internal sealed partial class MixedLoad
{
    /// <summary>Files of a few blocks are in segments; each block is a register of its own.</summary>
    private const int Blocks = 4, BlockBytes = 3000, BlockFiles = 2;

    private const int Moved = 3;
    private static readonly string[] Directories = ["/chaos/left", "/chaos/right"];

    /// <summary>What the renames move to and fro; once, before any load runs.</summary>
    public static async Task PrepareAsync(Machines.IMachine machine)
    {
        foreach (var directory in Directories)
        {
            await machine.Files.MakeDirectoryAsync(directory, parents: true);
        }
        for (var file = 0; file < Moved; file++)
        {
            await machine.Files.WriteAllBytesAsync($"{Directories[0]}/{MovedOf(file)}{MoveChecker.FirstName}", Encoding.ASCII.GetBytes(MovedOf(file)));
        }
    }

    private Task WriteBlockAsync(int client, int number)
    {
        var (path, block) = BlockOf(number);
        var value = Unique(client);
        return RecordAsync(OperationKind.Put, $"{path}#{block}", value, async () =>
        {
            // The same byte for byte from its begin to its end: one that is torn is seen.
            var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"{value} ", (BlockBytes / (value.Length + 1)) + 1)));
            await (await HandleAsync(client, path)).WriteAsync((long)block * BlockBytes, text.AsMemory(0, BlockBytes));
            return (value, null);
        });
    }

    private Task ReadBlockAsync(int client, int number)
    {
        var (path, block) = BlockOf(number);
        return RecordAsync(OperationKind.Get, $"{path}#{block}", null, async () =>
            (BlockValue((await (await HandleAsync(client, path)).ReadAsync((long)block * BlockBytes, BlockBytes)).Span), null));
    }

    /// <summary>To where it is not, under a name that was never used.</summary>
    private async Task MoveAsync(int client, int number)
    {
        var file = MovedOf(number % Moved);
        if (await LookAsync(client, file) is [.., var from])
        {
            var to = $"{Directories[from.StartsWith(Directories[0], StringComparison.Ordinal) ? 1 : 0]}/{file}.{Unique(client)}";
            await RecordAsync(OperationKind.Rename, file, to, [from], async () =>
            {
                await clients[client].Files.RenameAsync(from, to);
                return (to, [from]);
            });
        }
    }

    /// <returns>Its names; empty too when nobody answered.</returns>
    private async Task<IReadOnlyList<string>> LookAsync(int client, string file)
    {
        List<string> names = [];
        await RecordAsync(OperationKind.Look, file, null, async () =>
        {
            foreach (var directory in Directories)
            {
                names.AddRange((await clients[client].Files.ListAsync(directory)).Items
                    .Where(entry => entry.Name.StartsWith($"{file}.", StringComparison.Ordinal)).Select(entry => $"{directory}/{entry.Name}"));
            }
            return (null, names);
        });
        return names;
    }

    /// <returns>Null for what was never written: the file ends before it, or has a hole there.</returns>
    private static string? BlockValue(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IndexOfAnyExcept((byte)0) < 0)
        {
            return null;
        }
        var end = bytes.IndexOf((byte)' ');
        var value = end < 0 ? "" : Encoding.ASCII.GetString(bytes[..end]);
        for (var at = 0; at < bytes.Length; at++)
        {
            if (end < 0 || bytes.Length != BlockBytes || bytes[at] != bytes[at % (end + 1)])
            {
                return $"torn at {at} of {bytes.Length}: {value}";
            }
        }
        return value;
    }

    private static (string Path, int Block) BlockOf(int number) =>
        (string.Create(CultureInfo.InvariantCulture, $"/chaos/blocks-{number % BlockFiles}"), number / BlockFiles % Blocks);

    private static string MovedOf(int file) => string.Create(CultureInfo.InvariantCulture, $"moved-{file}");
}
