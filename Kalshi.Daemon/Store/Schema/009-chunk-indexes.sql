\ir Shared/index-partition.sql
