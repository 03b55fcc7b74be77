using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.DOS.Machines;

/// <summary>Identities are flat in JSON: <c>"node":"n-3f2a"</c>, <c>"pid":17</c>.</summary>
internal abstract class TextIdentityConverter<T>(Func<string, T> read, Func<T, string> write) : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        read(reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException($"a {typeof(T).Name} is a string"));

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(write(value));
}

internal abstract class NumberIdentityConverter<T>(Func<long, T> read, Func<T, long> write) : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        read(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) ? value : throw new JsonException($"a {typeof(T).Name} is a whole number"));

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteNumberValue(write(value));
}

internal sealed class NodeIdConverter() : TextIdentityConverter<NodeId>(static text => new NodeId(text), static id => id.Value ?? "");

internal sealed class DiskIdConverter() : TextIdentityConverter<DiskId>(static text => new DiskId(text), static id => id.Value ?? "");

internal sealed class MachineIdConverter() : NumberIdentityConverter<MachineId>(static value => new MachineId(value), static id => id.Value);

internal sealed class InodeIdConverter() : NumberIdentityConverter<InodeId>(static value => new InodeId(value), static id => id.Value);

internal sealed class ProcessIdConverter() : NumberIdentityConverter<ProcessId>(static value => new ProcessId(value), static id => id.Value);

internal sealed class JobIdConverter() : NumberIdentityConverter<JobId>(static value => new JobId(value), static id => id.Value);
